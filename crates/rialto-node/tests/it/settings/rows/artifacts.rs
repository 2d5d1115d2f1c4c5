//! `[artifacts]`

use crate::settings::behaviour::behaviours;
use crate::stage::{Script, acted};
use crate::town::fetched;
use expect_test::expect;

/// In no bucket is anything of that name, so that nothing is asked where the bucket is open.
const NO_KEY: &str = "s3://open/a//b";

behaviours! {
    "artifacts";

    store ["{ kind = \"local\", path = \"DIR/one\" }", "{ kind = \"local\", path = \"DIR/two\" }"]
        acted(&[], Script::WELL, |stage| {
            stage.play((600, 900), 15);
            stage.filled(&["one", "two", "node/artifacts"])
        }) => expect![[r#"
            { kind = "local", path = "DIR/one" }: one
            { kind = "local", path = "DIR/two" }: two
        "#]];
    file_roots ["[]", "[\"DIR\"]"] fetched("file://DIR/program") => expect![[r#"
        []: DIR/program is refused: it is not below a directory that file URLs may read (see the setting of file roots)
        ["DIR"]: a program
    "#]];
    s3_buckets ["[]", "[{ bucket = \"open\", endpoint = \"TOWN\", region = \"here\" }]"]
        fetched(NO_KEY) => expect![[r#"
            []: bucket open is refused: it is not among the buckets that s3 URLs may read
            [{ bucket = "open", endpoint = "TOWN", region = "here" }]: "s3://open/a//b" is not a usable URL: Path "/a//b" contained empty path segment
        "#]];
    allow_private_hosts ["false", "true"] fetched("TOWN/program") => expect![[r#"
        false: TOWN/program is refused: it leads to 127.0.0.1, which is not an address of the public internet
        true: a program, cached in fetched
    "#]];
}
