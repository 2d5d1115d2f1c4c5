//! The HTTP interface, with a real queue, a real worker and whoever else comes.

use crate::databases::Kept;
use crate::worker::{LIMITS, PROGRAM, config, scripted, threads};
use reqwest::{Client, Method, StatusCode};
use rialto_artifacts::{ArtifactId, ArtifactStore, StoreConfig};
use rialto_cluster::api::{
    ApiConfig, DrainOrder, EventJson, JobJson, JobsPage, NewOrder, Ordered, ServeError, Serving,
    StatusJson, TlsFiles, WorkerJson, serve,
};
use rialto_cluster::coordinator::{ClusterConfig, Coordinator};
use rialto_cluster::wire::{Answer, Ask, Hello, Welcome};
use rialto_cluster::{
    Access, Bearer, Code, Ending, HttpLine, Line, LineError, Problem, WorkerError, run,
};
use rialto_zkvm::{ProofKind, ProofVerifier, Zkvm};
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const UPLOAD_MAX: u64 = 1 << 10;

/// A token for whoever is called so.
fn token(name: &str) -> Bearer {
    format!("token-of-{name}-0123456789").parse().unwrap()
}

/// Each may one thing, two of them for a tenant each; one could until 2020.
fn tokens() -> Access {
    let entry = |name: &str, rest: &str| {
        format!("[[token]]\nname = '{name}'\nsha256 = '{}'\n{rest}\n", token(name).sha256())
    };
    let file = [
        entry("ann", "scopes = ['submit', 'read']\ntenant = 'ann'"),
        entry("bob", "scopes = ['submit', 'read']\ntenant = 'bob'"),
        entry("all", "scopes = ['submit', 'read']"),
        entry("worker", "scopes = ['work']"),
        entry("chief", "scopes = ['admin']"),
        entry("former", "scopes = ['admin']\nexpires = 2020-01-01T00:00:00Z"),
    ];
    Access::from_toml(&file.concat()).unwrap()
}

/// A coordinator that can be reached, and everything that it needs.
struct House {
    _kept: Kept,
    store: ArtifactStore,
    serving: Serving,
    shutdown: CancellationToken,
    client: Client,
}

impl House {
    async fn new(access: Access) -> Self {
        let (kept, store) = (Kept::sqlite(), ArtifactStore::open(&StoreConfig::Memory).unwrap());
        let ledger = kept.ledger().await;
        let started = Coordinator::start(
            ledger,
            store.clone(),
            vec![Arc::new(scripted())],
            ClusterConfig::default(),
        );
        let coordinator = started.await.unwrap();
        let config = ApiConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: None,
            access,
            upload_max_bytes: UPLOAD_MAX,
        };
        let shutdown = CancellationToken::new();
        let serving = serve(coordinator, config, shutdown.clone()).await.unwrap();
        Self { _kept: kept, store, serving, shutdown, client: Client::new() }
    }

    fn url(&self) -> String {
        format!("http://{}", self.serving.address())
    }

    fn request(&self, method: Method, path: &str, who: Option<&str>) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url()));
        match who {
            Some(name) => request.bearer_auth(format!("token-of-{name}-0123456789")),
            None => request,
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, who: Option<&str>) -> T {
        let answer = self.request(Method::GET, path, who).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    async fn refused(&self, request: reqwest::RequestBuilder) -> (u16, Code, String) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let Problem { error } = answer.json().await.unwrap();
        (status, error.code, error.message)
    }

    async fn upload(&self, bytes: &[u8], who: Option<&str>) -> ArtifactId {
        let id = ArtifactId::of(bytes);
        let put = self.request(Method::PUT, &format!("/v1/artifacts/{id}"), who);
        let answer = put.body(bytes.to_vec()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        id
    }

    async fn order(&self, input: &str, who: Option<&str>) -> NewOrder {
        NewOrder {
            engine: scripted().name().to_owned(),
            proof: ProofKind::Composite,
            program: self.upload(PROGRAM, who).await,
            input: self.upload(input.as_bytes(), who).await,
            limits: LIMITS,
            tenant: None,
            due_ms: None,
            value_wei: Some("1000".to_owned()),
        }
    }

    async fn ordered(&self, input: &str, who: Option<&str>) -> String {
        let order = self.order(input, who).await;
        let answer = self.request(Method::POST, "/v1/jobs", who).json(&order).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json::<Ordered>().await.unwrap().job
    }

    fn worker(&self, bearer: Option<&Bearer>) -> (JoinHandle<Result<(), WorkerError>>, Ending) {
        let line = HttpLine::new(&self.url().parse().unwrap(), bearer).unwrap();
        let ending = Ending::default();
        let worker = run(Arc::new(line), self.store.clone(), threads(2), config(), ending.clone());
        (tokio::spawn(worker), ending)
    }

    /// What is said of the job from there to its end.
    async fn events(&self, job: &str, after: Option<u64>, who: Option<&str>) -> Vec<EventJson> {
        let mut request = self.request(Method::GET, &format!("/v1/jobs/{job}/events"), who);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let text = request.send().await.unwrap().text().await.unwrap();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }
}

#[tokio::test]
async fn a_proof_over_http() {
    let house = House::new(tokens()).await;
    let (ann, bearer) = (Some("ann"), token("worker"));
    let (worker, ending) = house.worker(Some(&bearer));
    let job = house.ordered("segments 70", ann).await;
    assert_eq!(house.ordered("segments 70", ann).await, job, "the same is the same");

    let events = house.events(&job, None, ann).await;
    let what: Vec<_> = events.iter().map(|event| event.what.as_str()).collect();
    assert_eq!((what[0], what[what.len() - 1]), ("submitted", "proven"));
    assert!(events.is_sorted_by(|a, b| a.id < b.id));
    let is_proof = |event: &&EventJson| {
        event.what == "made" && event.work.as_deref().is_some_and(|it| it.starts_with("prove/"))
    };
    assert_eq!(events.iter().filter(is_proof).count(), 70, "{what:?}");
    let middle = events.len() / 2;
    assert_eq!(house.events(&job, Some(events[middle].id), ann).await, events[middle + 1..]);
    let last = events[events.len() - 1].id;
    let path = format!("/v1/jobs/{job}/events?after={last}");
    let nothing = house.request(Method::GET, &path, ann).send().await.unwrap();
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);

    let proof = house.request(Method::GET, &format!("/v1/jobs/{job}/proof"), ann);
    let proof = proof.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(scripted().verify(&proof).unwrap().journal.0, b"segments 70"[..]);
    let seen: JobJson = house.get(&format!("/v1/jobs/{job}"), ann).await;
    let standing = serde_json::to_value(&seen.standing).unwrap();
    assert_eq!(
        (standing["state"].as_str(), standing["segments"].as_u64()),
        (Some("proven"), Some(70))
    );
    assert_eq!(seen.tenant, "ann");

    let workers: Vec<WorkerJson> = house.get("/v1/workers", ann).await;
    assert_eq!(
        (workers.len(), workers[0].name.as_str(), workers[0].state.as_str()),
        (1, "w", "takes")
    );
    let status: StatusJson = house.get("/v1/status", ann).await;
    assert_eq!((status.jobs_open, status.workers, status.tasks_in_hand), (0, 1, 0));
    let drain = house.request(Method::POST, "/v1/workers/w/drain", Some("chief"));
    let answer = drain.json(&DrainOrder { drains: true }).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    worker.await.unwrap().unwrap();
    drop(ending);
}

#[tokio::test]
async fn every_page_is_described_and_closed_without_a_token() {
    let house = House::new(tokens()).await;
    let described: serde_json::Value = house.get("/openapi.json", None).await;
    let mut rows = String::new();
    for (path, operations) in described["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let name = method.to_uppercase();
            let own = path.replace("{worker}", "1").replace("{id}", "00").replace("{job}", "00");
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            let answers = [None, Some("former"), Some("nobody")].map(|who| {
                let request = house.request(method.clone(), &own, who).json(&());
                async { request.send().await.unwrap().status().as_u16() }
            });
            rows += &format!("{name} {path}: {:?}\n", futures::future::join_all(answers).await);
        }
    }
    expect_test::expect![[r#"
        GET /health: [200, 200, 200]
        GET /v1/artifacts/{id}: [401, 401, 401]
        HEAD /v1/artifacts/{id}: [401, 401, 401]
        PUT /v1/artifacts/{id}: [401, 401, 401]
        GET /v1/events: [401, 401, 401]
        GET /v1/jobs: [401, 401, 401]
        POST /v1/jobs: [401, 401, 401]
        DELETE /v1/jobs/{job}: [401, 401, 401]
        GET /v1/jobs/{job}: [401, 401, 401]
        GET /v1/jobs/{job}/events: [401, 401, 401]
        GET /v1/jobs/{job}/proof: [401, 401, 401]
        GET /v1/status: [401, 401, 401]
        GET /v1/workers: [401, 401, 401]
        POST /v1/workers: [401, 401, 401]
        POST /v1/workers/{worker}/ask: [401, 401, 401]
        POST /v1/workers/{worker}/drain: [401, 401, 401]
    "#]]
    .assert_eq(&rows);
}

#[tokio::test]
async fn what_a_token_opens() {
    let house = House::new(tokens()).await;
    let job = house.ordered("segments 1", Some("ann")).await;
    let path = format!("/v1/jobs/{job}");
    let get = |path: &str, who| house.request(Method::GET, path, Some(who));
    let order = NewOrder { tenant: Some("ann".to_owned()), ..house.order("a", Some("bob")).await };
    let drain = DrainOrder { drains: true };
    let rows = [
        house.refused(get("/v1/jobs", "worker")).await,
        house.refused(get("/v1/events", "bob")).await,
        house.refused(house.request(Method::DELETE, &path, Some("bob"))).await,
        house.refused(house.request(Method::POST, "/v1/jobs", Some("bob")).json(&order)).await,
        house
            .refused(house.request(Method::POST, "/v1/workers/w/drain", Some("ann")).json(&drain))
            .await,
        house.refused(get(&format!("{path}/proof"), "ann")).await,
    ];
    let rows: String =
        rows.iter().map(|(status, code, text)| format!("{status} {code:?}: {text}\n")).collect();
    expect_test::expect![[r#"
        403 Forbidden: the token `worker` does not have the scope `read`
        403 Forbidden: what happens to all tenants' jobs is not for one tenant
        403 Forbidden: the job is another tenant's
        403 Forbidden: the token is tenant `bob`'s
        403 Forbidden: the token `ann` does not have the scope `admin`
        404 NotFound: the job has no proof yet
    "#]]
    .assert_eq(&rows);

    let open = |page: JobsPage| page.jobs.iter().map(|it| it.job.clone()).collect::<Vec<_>>();
    let lists = ["ann", "bob", "all"].map(|who| house.get("/v1/jobs", Some(who)));
    let [ann, bob, all] = futures::future::join_all(lists).await.try_into().unwrap();
    assert_eq!((open(ann), open(bob), open(all)), (vec![job.clone()], vec![], vec![job.clone()]));
    let cancelled = house.request(Method::DELETE, &path, Some("ann")).send().await.unwrap();
    assert_eq!(cancelled.status(), StatusCode::NO_CONTENT);
    let ended: JobsPage = house.get("/v1/jobs?ended=true", Some("ann")).await;
    assert_eq!(open(ended), [job.as_str()]);
    let what: Vec<_> =
        house.events(&job, None, Some("ann")).await.into_iter().map(|event| event.what).collect();
    assert_eq!(what, ["submitted", "cancelled"]);
}

#[tokio::test]
async fn what_is_not_taken() {
    let house = House::new(tokens()).await;
    let ann = Some("ann");
    let order = house.order("segments 1", ann).await;
    let absent = NewOrder { input: ArtifactId::of(b"none"), ..order.clone() };
    let elsewhere = NewOrder { engine: "abacus".to_owned(), ..order.clone() };
    let poor = NewOrder { value_wei: Some("-1".to_owned()), ..order };
    let post = |order| house.request(Method::POST, "/v1/jobs", ann).json(order);
    let put = |bytes: &[u8], id: ArtifactId| {
        let path = format!("/v1/artifacts/{id}");
        house.request(Method::PUT, &path, ann).body(bytes.to_vec())
    };
    let large = vec![0; UPLOAD_MAX as usize + 1];
    let (job, id) = ("0".repeat(64), ArtifactId::of(b"none"));
    let get = |path: String| house.request(Method::GET, &path, ann);
    let rows = [
        house.refused(post(&absent)).await,
        house.refused(post(&elsewhere)).await,
        house.refused(post(&poor)).await,
        house.refused(house.request(Method::POST, "/v1/jobs", ann).json(&1)).await,
        house.refused(house.request(Method::POST, "/v1/jobs", ann).body("{}")).await,
        house.refused(put(b"other", id)).await,
        house.refused(put(&large, ArtifactId::of(&large))).await,
        house.refused(get(format!("/v1/artifacts/{id}"))).await,
        house.refused(get(format!("/v1/jobs/{job}"))).await,
        house.refused(get("/v1/jobs/x".to_owned())).await,
        house.refused(get("/v1/jobs?sort=up".to_owned())).await,
        house.refused(get("/nowhere".to_owned())).await,
    ];
    let rows: String =
        rows.iter().map(|(status, code, text)| format!("{status} {code:?}: {text}\n")).collect();
    expect_test::expect![[r#"
        422 Invalid: the input 140bedbf9c3f6d56a9846d2ba7088798683f4da0c248231336e6a05679e4fdfe is not in the artifact store; upload it first
        422 Invalid: no worker of this cluster makes Composite proofs with abacus; it has mock
        422 Invalid: `value_wei` is a whole number of wei in decimal or 0x hexadecimal
        422 Invalid: Failed to deserialize the JSON body into the target type: invalid type: integer `1`, expected struct NewOrder at line 1 column 1
        422 Invalid: Expected request with `Content-Type: application/json`
        422 Invalid: the bytes hash to d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa, not to 140bedbf9c3f6d56a9846d2ba7088798683f4da0c248231336e6a05679e4fdfe
        413 TooLarge: the artifact is larger than the limit of 1024 bytes
        404 NotFound: artifact 140bedbf9c3f6d56a9846d2ba7088798683f4da0c248231336e6a05679e4fdfe is not in the store
        404 NotFound: job 0000000000000000000000000000000000000000000000000000000000000000 is not known; order it (again)
        422 Invalid: a job id is 64 hexadecimal digits
        422 Invalid: Failed to deserialize query string: sort: unknown field `sort`, expected one of `ended`, `before_ms`, `limit`
        404 NotFound: there is no such page
    "#]].assert_eq(&rows);
    let line = HttpLine::new(&house.url().parse().unwrap(), Some(&token("worker"))).unwrap();
    assert_eq!(line.ask(77, Ask::default()).await, Err(LineError::UnknownWorker));
    let line = HttpLine::new(&house.url().parse().unwrap(), Some(&token("former"))).unwrap();
    let expired = line.ask(77, Ask::default()).await.unwrap_err();
    assert!(matches!(expired, LineError::Credentials { .. }), "{expired:?}");
}

#[tokio::test]
async fn without_tokens_only_this_machine_is_answered() {
    let house = House::new(Access::open()).await;
    let job = house.ordered("segments 1", None).await;
    let seen: JobJson = house.get(&format!("/v1/jobs/{job}"), None).await;
    assert_eq!(seen.tenant, "default");
    let local = house.request(Method::GET, "/v1/jobs", None).header("host", "localhost:1");
    assert_eq!(local.send().await.unwrap().status(), StatusCode::OK);
    for host in ["far.example", "127.0.0.1.far.example:80", "[2001:db8::1]"] {
        let request = house.request(Method::GET, "/v1/jobs", None).header("host", host);
        let (status, code, _) = house.refused(request).await;
        assert_eq!((status, code), (403, Code::Forbidden), "{host}");
    }
    house.shutdown.cancel();
    house.serving.ended().await.unwrap();
}

async fn served(
    listen: &str,
    access: Access,
    tls: Option<TlsFiles>,
) -> Result<(Serving, Kept), ServeError> {
    let (kept, store) = (Kept::sqlite(), ArtifactStore::open(&StoreConfig::Memory).unwrap());
    let ledger = kept.ledger().await;
    let started = Coordinator::start(ledger, store, Vec::new(), ClusterConfig::default()).await;
    let listen: SocketAddr = listen.parse().unwrap();
    let config = ApiConfig { listen, tls, access, upload_max_bytes: UPLOAD_MAX };
    Ok((serve(started.unwrap(), config, CancellationToken::new()).await?, kept))
}

#[tokio::test]
async fn nothing_is_open_to_other_machines_without_tokens() {
    let refused = served("0.0.0.0:0", Access::open(), None).await.map(drop).unwrap_err();
    assert!(matches!(refused, ServeError::Exposed(_)), "{refused}");
    assert!(served("0.0.0.0:0", tokens(), None).await.is_ok());
}

#[tokio::test]
async fn connections_with_tls() {
    let files = |certificates: &str, key: &str| {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls");
        Some(TlsFiles { certificates: dir.join(certificates), key: dir.join(key) })
    };
    let tls = files("certificate.pem", "key.pem");
    let (serving, _kept) = served("127.0.0.1:0", Access::open(), tls.clone()).await.unwrap();
    let url = format!("https://localhost:{}/health", serving.address().port());
    // One that says nothing keeps nobody waiting.
    let _silent = tokio::net::TcpStream::connect(serving.address()).await.unwrap();
    let pem = std::fs::read(&tls.unwrap().certificates).unwrap();
    let trusting =
        Client::builder().tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()]);
    let answer = trusting.build().unwrap().get(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(Client::new().get(&url).send().await.is_err(), "nobody vouches for the certificate");
    let plain = url.replace("https", "http");
    assert!(Client::new().get(&plain).send().await.is_err(), "it is not spoken to in the open");

    for (tls, expected) in [
        (files("absent.pem", "key.pem"), "cannot read certificates in"),
        (files("key.pem", "key.pem"), "there is no certificate in"),
        (files("certificate.pem", "certificate.pem"), "cannot read a key in"),
    ] {
        let error = served("127.0.0.1:0", Access::open(), tls).await.map(drop).unwrap_err();
        let ServeError::Tls(error) = error else { panic!("{error}") };
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn a_worker_that_asks_waits_until_there_is_something() {
    let house = House::new(tokens()).await;
    let hello = Hello {
        name: "w".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: scripted().name().to_owned(),
        device: "d".to_owned(),
        slots: 1,
        memory_mib: 1 << 20,
        gpu_memory_mib: 0,
        disk_mib: 0,
        bytes_per_s: 1,
        joins: Vec::new(),
    };
    let line = HttpLine::new(&house.url().parse().unwrap(), Some(&token("worker"))).unwrap();
    let Welcome { worker, .. } = line.hello(hello).await.unwrap();
    let ask = Ask { takes: true, wait_ms: 30_000, ..Ask::default() };
    let (answer, _) = tokio::join!(line.ask(worker, ask), house.ordered("segments 1", Some("ann")));
    let Answer { begin, .. } = answer.unwrap();
    assert_eq!(begin.len(), 1);
    assert_eq!(begin[0].lease.work.to_string(), "execute");
}
