// The mutants of one Solidity file: each a small change that a test should notice. They are read off the compiler's syntax
// tree, so that comments, types and type strings are never touched, and arguments are swapped only where their types agree.

const RELATIONS = {
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "==": ["!="],
  "!=": ["=="],
};
const ARITHMETIC = { "+": "-", "-": "+", "*": "/", "/": "*", "%": "/", "<<": ">>", ">>": "<<", "&": "|", "|": "&", "^": "&" };
const ASSIGNMENTS = { "+=": ["-=", "="], "-=": ["+=", "="], "|=": ["=", "&="], "&=": ["|="], "*=": ["/="], "/=": ["*="] };
const YUL = {
  add: ["sub"],
  sub: ["add"],
  mul: ["div"],
  div: ["mul"],
  and: ["or"],
  or: ["and"],
  xor: ["or"],
  lt: ["gt"],
  gt: ["lt"],
  eq: ["xor"],
  shl: ["shr"],
  shr: ["shl"],
};

/** All mutants of `source`, whose tree is `ast`, in the order of the text. */
export function mutantsOf(source, ast) {
  const bytes = Buffer.from(source, "utf8");
  const found = [];
  const text = (start, end) => bytes.subarray(start, end).toString("utf8");
  const span = (node) => {
    const [start, length] = node.src.split(":").map(Number);
    return [start, start + length];
  };
  const of = (node) => text(...span(node));

  function add(kind, start, end, replacement) {
    if (text(start, end) !== replacement) found.push({ kind, start, end, replacement, scope });
  }
  const replace = (kind, node, replacement) => add(kind, ...span(node), replacement);

  /** The operator between two operands. Comments there would confuse it, so it looks for the whole token. */
  function between(kind, left, right, operator, replacement) {
    const [, from] = span(left);
    const [to] = span(right);
    const at = text(from, to).indexOf(operator);
    if (at >= 0) add(kind, from + at, from + at + operator.length, replacement);
  }

  /** Takes a statement away. Its semicolon goes with it, as the empty block that takes its place has none. */
  function remove(kind, node) {
    let [start, end] = span(node);
    const rest = text(end, bytes.length).match(/^\s*;/);
    if (rest) end += Buffer.byteLength(rest[0]);
    add(kind, start, end, "{ }");
  }

  function literal(node, value) {
    if (!/^(0x[0-9a-fA-F]+|[0-9_]+)$/.test(value)) return;
    const number = BigInt(value.replaceAll("_", ""));
    const print = (n) => (value.startsWith("0x") ? "0x" + n.toString(16).padStart(value.length - 2, "0") : n.toString());
    if (value.length === 42 && value.startsWith("0x")) return; // an address, whose checksum the compiler guards
    replace("constant", node, print(number + 1n));
    if (number > 0n) replace("constant", node, print(number - 1n));
  }

  const visitors = {
    BinaryOperation(node) {
      const { leftExpression: left, rightExpression: right, operator } = node;
      for (const other of RELATIONS[operator] ?? []) between("relation", left, right, operator, other);
      if (ARITHMETIC[operator]) between("arithmetic", left, right, operator, ARITHMETIC[operator]);
      if (operator === "&&" || operator === "||") {
        between("logic", left, right, operator, operator === "&&" ? "||" : "&&");
        replace("operand", node, of(left));
        replace("operand", node, of(right));
      }
    },
    UnaryOperation(node) {
      if (node.operator === "!") replace("negation", node, of(node.subExpression));
    },
    Assignment(node) {
      for (const other of ASSIGNMENTS[node.operator] ?? []) {
        between("assignment", node.leftHandSide, node.rightHandSide, node.operator, other);
      }
    },
    Literal(node) {
      if (node.kind === "bool") replace("constant", node, node.value === "true" ? "false" : "true");
      if (node.kind === "number" && !node.subdenomination) literal(node, of(node));
    },
    Conditional(node) {
      replace("branch", node, of(node.trueExpression));
      replace("branch", node, of(node.falseExpression));
    },
    IfStatement(node) {
      replace("condition", node.condition, "true");
      replace("condition", node.condition, "false");
    },
    ExpressionStatement: (node) => remove("statement", node),
    EmitStatement: (node) => remove("emit", node),
    RevertStatement: (node) => remove("revert", node),
    Continue: (node) => remove("statement", node),
    Break: (node) => remove("statement", node),
    Return: (node) => remove("return", node),
    FunctionDefinition(node) {
      if (node.body && node.body.statements.length > 0 && node.kind === "function") replace("body", node.body, "{ }");
    },
    FunctionCall(node) {
      const type = (argument) => argument.typeDescriptions.typeIdentifier?.replace(/_(storage|memory|calldata)_ptr$/, "");
      for (let i = 0; i < node.arguments.length; ++i) {
        for (let j = i + 1; j < node.arguments.length; ++j) {
          const [a, b] = [node.arguments[i], node.arguments[j]];
          if (type(a) !== type(b) || of(a) === of(b)) continue;
          const [[a0, a1], [b0, b1]] = [span(a), span(b)];
          add("swap", a0, b1, of(b) + text(a1, b0) + of(a));
        }
      }
    },
    YulFunctionCall(node) {
      const name = node.functionName.name;
      for (const other of YUL[name] ?? []) replace("yul", node.functionName, other);
      if (name === "iszero" || name === "not") replace("yul", node, of(node.arguments[0]));
    },
    YulExpressionStatement(node) {
      replace("yul statement", node, "{ }");
    },
    YulAssignment(node) {
      replace("yul statement", node, "{ }");
    },
    YulLiteral(node) {
      if (node.kind === "number") literal(node, node.value);
    },
    YulIf(node) {
      replace("condition", node.condition, "0");
      replace("condition", node.condition, "1");
    },
  };

  let scope; // the text of the function or the variable that a mutant is in
  (function walk(node, inside) {
    if (Array.isArray(node)) return node.forEach((child) => walk(child, inside));
    if (node === null || typeof node !== "object") return;
    const isVariable = node.nodeType === "VariableDeclaration" && node.stateVariable;
    if (node.nodeType === "FunctionDefinition" || isVariable) [inside, scope] = [true, { name: node.name, text: of(node) }];
    if (inside) visitors[node.nodeType]?.(node);
    // The loop's own step would only run for ever.
    for (const [key, child] of Object.entries(node)) if (key !== "loopExpression" && key !== "typeName") walk(child, inside);
  })(ast, false);

  found.sort((a, b) => a.start - b.start || a.end - b.end || (a.replacement < b.replacement ? -1 : 1));
  return found.map((mutant) => describe(bytes, mutant));
}

/** Names a mutant by the text of its line, not the line's number, so that names survive changes elsewhere. */
function describe(bytes, { kind, start, end, replacement, scope }) {
  const before = bytes.subarray(0, start).toString("utf8");
  const line = before.split("\n").length;
  const from = before.lastIndexOf("\n") + 1;
  const lead = before.slice(from);
  const rest = bytes.subarray(end).toString("utf8");
  const until = rest.indexOf("\n");
  const original = bytes.subarray(start, end).toString("utf8");
  const flat = (s) => s.replace(/\s+/g, " ").trim();
  const tail = rest.slice(0, until < 0 ? undefined : until);
  return {
    kind,
    line,
    scope,
    name: flat(`${lead}⟦${original} → ${replacement}⟧${tail}`),
    source: before + replacement + rest,
  };
}
