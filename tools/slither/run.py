"""Runs slither's detectors on the standard JSON input named first; the second argument is the compiler, the third the triage.

Slither's own command line does not take standard JSON in this version, and its triage is by hashes that change with every
line. Here a finding is known by its detector and by where it is; each known one carries its reason.
"""

import inspect
import json
import sys

from crytic_compile import CryticCompile
from crytic_compile.platform.solc_standard_json import SolcStandardJson
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector, DetectorClassification

IMPACTS = {DetectorClassification.HIGH, DetectorClassification.MEDIUM, DetectorClassification.LOW}


def place(element):
    """Contract and function of a finding's element, or the contract, or the variable."""
    names = [element["name"]]
    parent = element.get("type_specific_fields", {}).get("parent")
    while parent:
        names.insert(0, parent["name"])
        parent = parent.get("type_specific_fields", {}).get("parent")
    if element["type"] == "node":
        names.pop()
    return ".".join(name for name in names if not name.endswith(".sol"))


def main():
    source, compiler, triage = sys.argv[1:]
    with open(triage, encoding="utf-8") as file:
        triaged = json.load(file)
    # A tuple is the detector and the place; a reason may cover every place of a detector by "*".
    known = {(entry["check"], entry["where"]): entry["reason"] for entry in triaged["accepted"]}
    slither = Slither(CryticCompile(SolcStandardJson(source), solc=compiler))
    for detector in vars(all_detectors).values():
        if inspect.isclass(detector) and issubclass(detector, AbstractDetector) and detector.IMPACT in IMPACTS:
            slither.register_detector(detector)

    used, fresh = set(), []
    for result in [one for results in slither.run_detectors() for one in results]:
        element = result["elements"][0]
        if "node_modules" in element["source_mapping"]["filename_relative"]:
            continue
        keys = [(result["check"], place(element)), (result["check"], "*")]
        hits = [key for key in keys if key in known]
        if hits:
            used.add(hits[0])
        else:
            fresh.append((result["impact"], *keys[0], result["description"].strip()))

    for impact, check, where, description in sorted(fresh):
        print(f"NEW {impact} {check} in {where}\n    " + description.replace("\n", "\n    "))
    stale = sorted(set(known) - used)
    for check, where in stale:
        print(f"accepted, but no longer found: {check} in {where}")
    print(f"slither: {len(used)} findings accepted with a reason, {len(fresh)} new, {len(stale)} stale")
    sys.exit(1 if fresh or stale else 0)


main()
