//! The line to a coordinator over HTTP, against a server that answers as the test says.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use rialto_cluster::wire::{Answer, Ask};
use rialto_cluster::{Bearer, Code, HttpLine, Line, LineError, Problem};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use url::Url;

const TOKEN: &str = "0123456789abcdef";

/// A server that answers everything with that, and keeps what it was asked.
async fn server(status: StatusCode, body: Vec<u8>) -> (Url, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let answer = move |request: Request| async move {
        let bearer = request.headers().get("authorization").map(|it| it.to_str().unwrap());
        let row = format!("{} {} {:?}", request.method(), request.uri(), bearer);
        kept.lock().unwrap().push(row);
        (status, body).into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/cluster/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    (url, seen)
}

async fn refused(status: u16, body: impl Into<Vec<u8>>) -> LineError {
    let (url, _) = server(StatusCode::from_u16(status).unwrap(), body.into()).await;
    let line = HttpLine::new(&url, None).unwrap();
    line.ask(7, Ask::default()).await.unwrap_err()
}

#[tokio::test]
async fn a_question_and_its_answer() {
    let answer = Answer { drain: true, ..Answer::default() };
    let (url, seen) = server(StatusCode::OK, serde_json::to_vec(&answer).unwrap()).await;
    let bearer: Bearer = TOKEN.parse().unwrap();
    let line = HttpLine::new(&url, Some(&bearer)).unwrap();
    assert!(!format!("{line:?}").contains(TOKEN));
    assert_eq!(line.ask(7, Ask::default()).await, Ok(answer.clone()));
    assert_eq!(line.apart().ask(7, Ask::default()).await, Ok(answer));
    let row = format!("POST /cluster/v1/workers/7/ask Some(\"Bearer {TOKEN}\")");
    assert_eq!(*seen.lock().unwrap(), [row.clone(), row]);
}

#[tokio::test]
async fn refusals_say_what_can_help() {
    let mut rows = Vec::new();
    for code in [Code::Expired, Code::Engine, Code::UnknownWorker, Code::Busy, Code::Invalid] {
        let problem = Problem::new(code, "so it is", "do otherwise");
        rows.push(refused(400, serde_json::to_vec(&problem).unwrap()).await);
    }
    rows.push(refused(400, r#"{"error":{"code":"later","message":"m","next":""}}"#).await);
    rows.push(refused(401, "").await);
    rows.push(refused(404, "<html>").await);
    rows.push(refused(502, "<html>").await);
    rows.push(refused(200, "{").await);
    rows.push(refused(200, vec![b' '; (32 << 20) + 1]).await);
    let rows: String = rows.iter().map(|it| format!("{:?}: {it}\n", it.remedy())).collect();
    expect_test::expect![[r#"
        GiveUp: the coordinator refuses the worker's credentials: so it is; do otherwise
        GiveUp: the coordinator does not take this worker: so it is; do otherwise
        SayHello: the coordinator does not know this worker
        TryAgain: the coordinator is busy: so it is; do otherwise
        GiveUp: coordinator and worker do not understand each other: so it is; do otherwise
        GiveUp: coordinator and worker do not understand each other: m
        GiveUp: the coordinator refuses the worker's credentials: HTTP status 401 Unauthorized without a coordinator's words
        GiveUp: coordinator and worker do not understand each other: HTTP status 404 Not Found without a coordinator's words
        TryAgain: the coordinator cannot be reached: HTTP status 502 Bad Gateway without a coordinator's words
        GiveUp: coordinator and worker do not understand each other: the answer cannot be read: EOF while parsing an object at line 1 column 1
        GiveUp: coordinator and worker do not understand each other: the answer is longer than 33554432 bytes
    "#]].assert_eq(&rows);
}

#[tokio::test]
async fn a_coordinator_that_is_not_there_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = HttpLine::new(&url, None).unwrap().ask(1, Ask::default()).await.unwrap_err();
    assert!(matches!(&error, LineError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn addresses_that_are_not_taken() {
    let bearer: Bearer = TOKEN.parse().unwrap();
    let mut rows = String::new();
    for (url, has_token) in [
        ("https://far.example/x", true),
        ("http://[::1]:9", true),
        ("http://localhost", true),
        ("http://far.example", false),
        ("http://far.example", true),
        ("http://127.0.0.1.far.example", true),
        ("ftp://far.example", false),
        ("https://far.example?x", false),
        ("https://ann:secret@far.example", false),
    ] {
        let line = HttpLine::new(&url.parse().unwrap(), has_token.then_some(&bearer));
        let said = line.map_or_else(|error| error.to_string(), |_| "taken".to_owned());
        rows += &format!("{url}: {said}\n");
        assert!(!said.contains("secret"), "{said}");
    }
    expect_test::expect![[r#"
        https://far.example/x: taken
        http://[::1]:9: taken
        http://localhost: taken
        http://far.example: taken
        http://far.example: a token is not sent to http://far.example/ without encryption: use https://, or http:// on this machine alone
        http://127.0.0.1.far.example: a token is not sent to http://127.0.0.1.far.example/ without encryption: use https://, or http:// on this machine alone
        ftp://far.example: `ftp://far.example/` is not a coordinator's address: https://host[:port][/path] is, or http:// on this machine
        https://far.example?x: `https://far.example/?x` is not a coordinator's address: https://host[:port][/path] is, or http:// on this machine
        https://ann:secret@far.example: a coordinator's address holds no name and no password: a token in a file lets in
    "#]].assert_eq(&rows);
}
