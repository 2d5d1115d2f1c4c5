use super::*;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use expect_test::expect;
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::net::TcpListener;

const CHAIN: u64 = 8453;

fn address(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

fn listed(byte: u8, extensions: Value) -> Value {
    json!({ "address": address(byte), "chainId": CHAIN, "name": "somebody", "tags": ["useful"],
            "extensions": extensions })
}

fn list(requestors: Vec<Value>) -> Value {
    json!({ "name": "A list", "description": "Who asks for useful work", "unknown": true,
            "schemaVersion": { "major": 1, "minor": 2 }, "version": { "major": 3, "minor": 4 },
            "requestors": requestors })
}

fn level(level: u64) -> Value {
    json!({ "priority": { "level": level } })
}

#[test]
fn a_list_is_read_as_it_is_published() {
    let text = list(vec![
        listed(1, level(90)),
        listed(
            2,
            json!({ "requestEstimates": { "estimatedMcycleCountMin": 1, "estimatedMcycleCountMax": 1,
            "estimatedMaxInputSizeMB": 0.5 } }),
        ),
        listed(
            3,
            json!({ "denylist": { "reason": "spam", "blockedSince": "2026-01-01T00:00:00Z" } }),
        ),
    ]);
    let list = RequestorList::parse(text.to_string().as_bytes()).unwrap();
    assert_eq!((list.name.as_str(), list.version), ("A list", (3, 4)));
    let read: Vec<_> = list.requestors.iter().map(|one| (one.priority, one.denied)).collect();
    assert_eq!(read, [(90, false), (50, false), (50, true)]);
}

#[test]
fn lists_with_anything_wrong_are_refused_whole() {
    let with = |field: &str, value: Value| {
        let mut list = list(vec![]);
        list[field] = value;
        list
    };
    let of = |field: &str, value: Value| {
        let mut one = listed(1, json!({}));
        one[field] = value;
        list(vec![one])
    };
    let cases = [
        json!([]),
        with("name", json!(" ")),
        with("description", json!("x".repeat(501))),
        with("schemaVersion", json!({ "major": 2, "minor": 0 })),
        list(vec![listed(1, level(1)), listed(1, level(2))]),
        list(vec![listed(1, level(101))]),
        list(vec![listed(
            1,
            json!({ "requestEstimates": {
            "estimatedMcycleCountMin": 2, "estimatedMcycleCountMax": 1 } }),
        )]),
        of("address", json!("0x12")),
        of("chainId", json!(0)),
        of("name", json!("")),
        of("tags", json!(vec!["x"; 21])),
        of("tags", json!([""])),
    ];
    let said: String = cases
        .iter()
        .map(|case| {
            let refused = RequestorList::parse(case.to_string().as_bytes()).unwrap_err();
            format!("{}\n", crate::logbook::with_sources(&refused))
        })
        .collect();
    let said = said.replace(&address(1).to_string(), "ONE");
    expect![[r#"
        it is not a requestor list: invalid length 0, expected struct ListText with 5 elements at line 1 column 2
        its name must have from 1 to 100 characters
        its description must have from 1 to 500 characters
        its schema has major version 2, only 1 is understood
        requestor ONE is named twice on chain 8453
        requestor ONE has priority 101, at most 100 is possible
        requestor ONE has a least estimate above its greatest
        it is not a requestor list: invalid string length at line 1 column 89
        requestor ONE is on chain 0
        the name of requestor ONE must have from 1 to 100 characters
        requestor ONE has more than 20 tags
        a tag of requestor ONE must have from 1 to 50 characters
    "#]].assert_eq(&said);
}

fn settings(text: &str) -> watch::Receiver<Arc<Settings>> {
    watch::channel(Arc::new(Settings::parse(text).unwrap().settings)).1
}

fn keeper(text: &str) -> (ListKeeper, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let keeper = ListKeeper::new(settings(text), None, CHAIN, dir.path().join("lists")).unwrap();
    (keeper, dir)
}

/// Serves whatever was put at each path; nothing there is an error of the server.
#[derive(Clone, Default)]
struct Stand(Arc<Mutex<HashMap<String, String>>>);

impl Stand {
    async fn open() -> (Self, String) {
        let stand = Self::default();
        let on_it = stand.clone();
        let app = Router::new().route(
            "/{name}",
            get(move |axum::extract::Path(name): axum::extract::Path<String>| async move {
                let found = on_it.0.lock().unwrap().get(&name).cloned();
                found.ok_or(StatusCode::INTERNAL_SERVER_ERROR)
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (stand, url)
    }

    fn put(&self, name: &str, text: impl ToString) {
        self.0.lock().unwrap().insert(name.to_owned(), text.to_string());
    }

    fn take(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }
}

#[tokio::test]
async fn the_first_list_counts_and_own_addresses_are_merged_in() {
    let (stand, url) = Stand::open().await;
    let elsewhere = json!({ "address": address(5), "chainId": 1, "name": "n" });
    let warned = json!({ "denylist": {}, "priority": { "level": 99 } });
    stand.put("a", list(vec![listed(1, level(10)), elsewhere, listed(6, warned)]));
    stand.put("b", list(vec![listed(1, level(20)), listed(2, level(20)), listed(4, level(7))]));
    let text = format!(
        "[market]\npriority_requestor_lists = [\"{url}/a\", \"{url}/b\"]\n\
         priority_requestor_addresses = [\"{}\", \"{}\"]\ndeny_requestor_addresses = [\"{}\"]\n",
        address(3),
        address(4),
        address(2)
    );
    let (mut keeper, _dir) = keeper(&text);
    let requestors = keeper.subscribe();
    assert_eq!(requestors.borrow().priority.get(&address(3)), Some(&50), "before any list");
    assert!(keeper.refresh().await.is_empty());
    let requestors = requestors.borrow().clone();
    let priorities = [1, 2, 3, 4, 5, 6].map(|byte| requestors.priority.get(&address(byte)));
    assert_eq!(priorities, [Some(&10), Some(&20), Some(&50), Some(&7), None, None]);
    assert!(requestors.denied.iter().eq([&address(2)]));
    assert!(requestors.allowed.is_none(), "nobody is shut out without an allow list");
}

#[tokio::test]
async fn a_failing_list_keeps_what_it_said_and_an_unknown_one_allows_nobody() {
    let (stand, url) = Stand::open().await;
    stand.put("a", list(vec![listed(1, level(10))]));
    let text = format!(
        "[market]\nallow_requestor_lists = [\"{url}/a\", \"{url}/never\"]\n\
         allow_client_addresses = [\"{}\"]\n",
        address(3)
    );
    let (mut keeper, dir) = keeper(&text);
    let requestors = keeper.subscribe();
    let allowed = |byte: u8| requestors.borrow().allowed.as_ref().unwrap().contains(&address(byte));
    assert!(allowed(3) && !allowed(1), "no list has answered");
    assert_eq!(keeper.refresh().await.len(), 1, "the one that never answers");
    assert!(allowed(3) && allowed(1) && !allowed(2));
    stand.take("a");
    assert_eq!(keeper.refresh().await.len(), 2);
    assert!(allowed(1));
    stand.put("a", "{}");
    let troubles = keeper.refresh().await;
    let mut said: Vec<_> = troubles.iter().map(|it| it.to_string().replace(&url, "URL")).collect();
    said.sort();
    expect![[r#"
        the requestor list at URL/a is not up to date, and what it said last stays in force: it is refused: it is not a requestor list: missing field `name` at line 1 column 2
        the requestor list at URL/never is not up to date, and who is not allowed otherwise is not served: it cannot be fetched: URL/never: the server is failing: status 500, 2 times"#]]
    .assert_eq(&said.join("\n"));
    assert!(allowed(1));
    let again = ListKeeper::new(settings(&text), None, CHAIN, dir.path().join("lists")).unwrap();
    let (then, now) = (again.subscribe(), requestors.borrow().clone());
    assert_eq!(*then.borrow(), now, "the next start begins with what was said last");
    assert!(now.is_list_missing, "one has never answered");
    stand.put("a", list(vec![listed(2, level(10))]));
    stand.put("never", list(vec![listed(4, level(10))]));
    keeper.refresh().await;
    assert!(allowed(2) && allowed(4) && !allowed(1));
    assert!(!requestors.borrow().is_list_missing);
}

#[tokio::test]
async fn what_was_kept_passes_the_same_door_and_a_bad_disk_is_told() {
    let (stand, url) = Stand::open().await;
    stand.put("a", list(vec![listed(1, level(10))]));
    let text = format!("[market]\npriority_requestor_lists = [\"{url}/a\"]\n");
    let (mut first, dir) = keeper(&text);
    assert!(first.refresh().await.is_empty());
    let folder = dir.path().join("lists");
    let kept = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&kept, "{}").unwrap();
    let next = ListKeeper::new(settings(&text), None, CHAIN, folder.clone()).unwrap();
    assert!(next.subscribe().borrow().priority.is_empty());
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    let mut next = ListKeeper::new(settings(&text), None, CHAIN, folder).unwrap();
    let troubles = next.refresh().await;
    assert!(matches!(troubles[..], [ListTrouble { meanwhile: Meanwhile::InForce, .. }]));
    assert_eq!(next.subscribe().borrow().priority.len(), 1);
}

#[tokio::test]
async fn a_silent_server_holds_no_other_list_up() {
    let (stand, url) = Stand::open().await;
    stand.put("a", list(vec![listed(1, level(10))]));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let text = format!(
        "[market]\npriority_requestor_lists = [\"http://{}/\", \"{url}/a\"]\n",
        silent.local_addr().unwrap()
    );
    let (_file, settings) = watch::channel(settings(&text).borrow().clone());
    let dir = tempfile::tempdir().unwrap();
    let keeper = ListKeeper::new(settings, None, CHAIN, dir.path().into()).unwrap();
    let mut requestors = keeper.subscribe();
    let stop = CancellationToken::new();
    let running = tokio::spawn(keeper.run(stop.clone(), |trouble| panic!("{trouble}")));
    requestors.wait_for(|known| known.priority.len() == 1).await.unwrap();
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_list_that_is_too_large_is_refused() {
    let (stand, url) = Stand::open().await;
    stand.put("a", " ".repeat(usize::try_from(LIST_BYTES_MAX).unwrap() + 1));
    let text = format!("[market]\npriority_requestor_lists = [\"{url}/a\"]\n");
    let (mut keeper, _dir) = keeper(&text);
    let troubles = keeper.refresh().await;
    let [ListTrouble { error, meanwhile: Meanwhile::NoPriority, .. }] = &troubles[..] else {
        panic!("{troubles:?}");
    };
    assert!(matches!(error, ListError::Fetch(FetchError::TooLarge { .. })), "{error:?}");
}

#[tokio::test]
async fn changed_settings_hold_at_once_and_venues_have_their_own() {
    let parse = |text: &str| Arc::new(Settings::parse(text).unwrap().settings);
    let venue = |deny: u8| {
        format!(
            "[[venue]]\nname = \"v\"\nnetwork = \"v.json\"\nmarket = {{ deny_requestor_addresses = [\"{}\"] }}\n",
            address(deny)
        )
    };
    let (change, settings) = watch::channel(parse(&venue(1)));
    let dir = tempfile::tempdir().unwrap();
    let open = |venue| ListKeeper::new(settings.clone(), venue, CHAIN, dir.path().into()).unwrap();
    let general = open(None);
    assert!(general.subscribe().borrow().denied.is_empty());
    let keeper = open(Some("v".to_owned()));
    let mut requestors = keeper.subscribe();
    assert!(requestors.borrow_and_update().denied.contains(&address(1)));
    let stop = CancellationToken::new();
    let running = tokio::spawn(keeper.run(stop.clone(), |failure| panic!("{failure}")));
    change.send_replace(parse(&venue(2)));
    requestors.changed().await.unwrap();
    assert!(requestors.borrow().denied.iter().eq([&address(2)]));
    stop.cancel();
    running.await.unwrap();
}
