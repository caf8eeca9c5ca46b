use super::*;

fn passed(status: u16, headers: &[(&'static str, &str)], body: &'static str) -> Passed {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    Passed { status: StatusCode::from_u16(status).unwrap(), headers: map, body: Bytes::from_static(body.as_bytes()) }
}

const TERMS: [(&str, &str); 4] = [
    ("content-type", "application/json"),
    ("x-brevet-revision", "7"),
    ("x-brevet-max-age", "5"),
    ("x-brevet-depends", "00000000000000ff,0000000000000001"),
];

const MARKS: Marks = Marks { age: 3, left: 2, revision: 9, cut_off: true, degraded: false };

async fn body(response: Response) -> Value {
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn what_is_kept_says_so_in_every_decision() {
    let text = r#"{"evaluations":[{"decision":true,"context":{"max_age":5,"revision":7,"reason":"allowed"}},
        {"decision":false,"context":{"max_age":1}},{"decision":false}],"max_age":4}"#;
    let answer = Answer::of(passed(200, &TERMS, text), Instant::now());
    let response = answer.kept(MARKS);
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("x-brevet-served-by").as_deref(), Some("sidecar"));
    assert_eq!((header("age").as_deref(), header("x-brevet-max-age").as_deref()), (Some("3"), Some("2")));
    assert_eq!((header("x-brevet-cut-off").as_deref(), header("x-brevet-depends")), (Some("true"), None));
    let told = body(response).await;
    let first = &told["evaluations"][0]["context"];
    assert_eq!((&first["served_by"], &first["age"], &first["max_age"]), (&"sidecar".into(), &3.into(), &2.into()));
    assert_eq!((&first["revision"], &first["cut_off"], &first["reason"]), (&9.into(), &true.into(), &"allowed".into()));
    assert_eq!(told["evaluations"][1]["context"]["max_age"], 1, "it is never more than it was");
    assert_eq!((&told["evaluations"][2]["served_by"], &told["max_age"]), (&"sidecar".into(), &2.into()));
    // Rendered once for as long as it says the same.
    assert_eq!(answer.marked(MARKS).as_ptr(), answer.marked(MARKS).as_ptr());
    let later = Marks { age: 4, left: 1, ..MARKS };
    assert_eq!(body(answer.kept(later)).await["evaluations"][0]["context"]["age"], 4);
}

/// The moment until which it could be kept was none that a clock can show.
#[test]
fn an_answer_for_all_eternity_is_kept_for_a_while() {
    let ever = u64::MAX.to_string();
    let terms =
        [TERMS[0], TERMS[1], ("x-brevet-max-age", ever.as_str()), ("x-brevet-holds-for", ever.as_str()), TERMS[3]];
    let (now, mut kept) = (Instant::now(), super::super::kept::Kept::new(1 << 20));
    let answer = std::sync::Arc::new(Answer::of(passed(200, &terms, "{}"), now));
    kept.keep([0; 32], &answer);
    assert!(kept.find(&[0; 32], now).is_some_and(|(_, standing)| standing.is_good()));
    assert!(!super::super::kept::Kept::is_over(&answer, now));
    let public = format!("public, max-age={ever}");
    let public = Answer::of(passed(200, &[("cache-control", public.as_str())], "{}"), now);
    assert!(kept.standing(&public, now).is_good());
}

#[test]
fn without_all_of_its_terms_nothing_is_kept() {
    let terms_of = |headers: &[(&'static str, &str)], status| terms(&passed(status, headers, "{}"));
    assert_eq!(terms_of(&TERMS, 200).depends.as_ref(), [255, 1]);
    assert_eq!(terms_of(&TERMS, 403).max_age.as_secs(), 5, "that a request must not pass is an answer");
    for without in 1..4 {
        let mut headers = TERMS.to_vec();
        headers.remove(without);
        assert!(terms_of(&headers, 200).max_age.is_zero(), "{headers:?}");
    }
    for (at, wrong) in [
        (1, "-1"),
        (1, "x"),
        (2, "-5"),
        (2, "5s"),
        (3, ""),
        (3, "ff"),
        (3, "00000000000000fg"),
        (3, "+000000000000001"),
    ] {
        let mut headers = TERMS.to_vec();
        headers[at].1 = wrong;
        assert!(terms_of(&headers, 200).max_age.is_zero(), "{headers:?}");
    }
    for status in [201, 302, 400, 401, 404, 500, 503] {
        assert!(terms_of(&TERMS, status).max_age.is_zero(), "{status}");
    }
    let public = |control| terms_of(&[("cache-control", control)], 200).max_age.as_secs();
    assert_eq!((public("public, max-age=300"), public("max-age=300"), public("public, no-store")), (300, 0, 0));
}
