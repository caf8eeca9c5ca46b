use std::collections::HashMap;

use super::*;

const TABLE: &str = r#"
[[route]]
host = "reports.example.com"
path = "/reports/{id}"
headers = { "x-draft" = "yes" }
methods = ["GET"]
action = "reports:ReadDraft"
resource = "arn:aws:reports:::draft/{id}"
audience = "https://reports.example.com"

[[route]]
host = "reports.example.com"
path = "/reports/{id}"
actions = { GET = "reports:Read", PUT = "reports:Write" }
resource = "arn:aws:reports:::{id}"
audience = "https://reports.example.com"
context = { "reports:Tenant" = "X-Tenant", "aws:SourceIp" = "x-real-ip" }

[[route]]
path = "/admin/{what...}"
action = "admin:Use"
resource = "arn:aws:admin:::{what}"
audience = "admin"

[[route]]
host = "*.files.example.com"
path = "/{key...}"
methods = ["GET", "HEAD"]
action = "files:Get"
resource = "arn:aws:files::111122223333:{key}"
audience = "files"

[[route]]
path = "/{anything...}"
action = "web:Use"
resource = "arn:aws:web:::{anything}"
audience = "web"
"#;

struct Given(HashMap<&'static str, &'static str>);

impl Headers for Given {
    fn get(&self, name: &str) -> Header<'_> {
        match self.0.get(name) {
            None => Header::None,
            Some(&"twice") => Header::Unclear,
            Some(text) => Header::One(text),
        }
    }

    fn all(&self) -> Vec<(&str, &[u8])> {
        self.0.iter().map(|(name, value)| (*name, value.as_bytes())).collect()
    }
}

fn parse(text: &str) -> Result<Routes, RoutesError> {
    Routes::parse(Path::new("routes.toml"), text)
}

/// `action resource key=value ...`, or why there is no meaning.
fn meaning(method: &str, host: &str, target: &str, headers: &[(&'static str, &'static str)]) -> String {
    let (routes, headers) = (parse(TABLE).unwrap(), Given(headers.iter().copied().collect()));
    let host = if host.is_empty() { None } else { Some(host) };
    match routes.meaning(&Original { method, host, target, headers: &headers }) {
        Ok(meaning) => {
            let keys: String = meaning.context.iter().map(|(key, value)| format!(" {key}={value}")).collect();
            format!("{} {}{keys}", meaning.action, meaning.resource)
        }
        Err(why) => format!("none: {why}"),
    }
}

#[test]
fn the_first_route_that_fits_says_what_a_request_means() {
    let reports = "reports.example.com";
    for (method, host, target, headers, expected) in [
        ("GET", reports, "/reports/q3?x=1", &[][..], "reports:Read arn:aws:reports:::q3"),
        ("PUT", "Reports.Example.com:8443", "/reports/q3", &[], "reports:Write arn:aws:reports:::q3"),
        ("GET", reports, "/reports/q3", &[("x-draft", "yes")], "reports:ReadDraft arn:aws:reports:::draft/q3"),
        ("GET", reports, "/reports/q3", &[("x-draft", "no")], "reports:Read arn:aws:reports:::q3"),
        ("PUT", reports, "/reports/q3", &[("x-draft", "yes")], "reports:Write arn:aws:reports:::q3"),
        (
            "GET",
            reports,
            "/reports/q3",
            &[("x-tenant", "red"), ("x-real-ip", "192.0.2.7")],
            "reports:Read arn:aws:reports:::q3 aws:SourceIp=192.0.2.7 reports:Tenant=red",
        ),
        ("DELETE", reports, "/reports/q3", &[], "web:Use arn:aws:web:::reports/q3"),
        ("GET", "other.example.com", "/reports/q3", &[], "web:Use arn:aws:web:::reports/q3"),
        ("GET", "", "/admin/users/x", &[], "admin:Use arn:aws:admin:::users/x"),
        ("GET", "a.files.example.com", "/a/b%2a", &[], "files:Get arn:aws:files::111122223333:a/b%2A"),
        ("POST", "a.files.example.com", "/a/b", &[], "web:Use arn:aws:web:::a/b"),
        ("GET", "files.example.com", "/a/b", &[], "web:Use arn:aws:web:::a/b"),
        ("GET", reports, "/", &[], "none: no route fits the request"),
    ] {
        assert_eq!(meaning(method, host, target, headers), expected, "{method} {host}{target}");
    }
}

/// A stricter route must not be got around by writing the path so that another one takes it, and the service does not.
#[test]
fn what_only_nearly_fits_is_refused_and_does_not_fall_through() {
    for target in ["/ADMIN/users", "/Admin/users", "/aDmin/users/"] {
        assert!(meaning("GET", "", target, &[]).contains("upper and lower case"), "{target}");
    }
    let reports = "reports.example.com";
    for target in ["/reports/q3/", "/Reports/q3"] {
        assert!(meaning("GET", reports, target, &[]).contains("slash at its end"), "{target}");
    }
    for target in [
        "/web/../admin/x",
        "/web/%2e%2e/admin/x",
        "/web/..;/admin/x",
        "//admin/x",
        "/%2fadmin/x",
        "/admin%2fx",
        "/web/..%2fadmin/x",
        "/web\\..\\admin",
        "/admin%00/x",
        "http://x/admin/x",
        "/web/%252e%252e/admin/x",
        "/web/./x",
    ] {
        assert!(meaning("GET", "", target, &[]).contains("everybody reads alike"), "{target}");
    }
    assert_eq!(meaning("GET", "", "/%61dmin/x", &[]), "admin:Use arn:aws:admin:::x", "it is the same path");
}

#[test]
fn what_somebody_else_could_read_otherwise_is_refused() {
    let reports = "reports.example.com";
    for method in ["", "get", "Get", "GET ", "GET\r\nX: y", "G3T"] {
        assert_eq!(meaning(method, reports, "/reports/q3", &[]), "none: the method is none", "{method}");
    }
    for host in
        ["reports.example.com.", "reports.example.com:x", "a@reports.example.com", "a b", "reports.example.com/x"]
    {
        assert_eq!(meaning("GET", host, "/reports/q3", &[]), "none: the host is none", "{host}");
    }
    for name in OTHER_METHOD {
        assert!(meaning("GET", reports, "/reports/q3", &[(name, "DELETE")]).contains("another method"), "{name}");
    }
    for name in ["x-draft", "x-tenant", "x-real-ip"] {
        assert!(meaning("GET", reports, "/reports/q3", &[(name, "twice")]).contains("more than once"), "{name}");
    }
    // What no route reads may be there as often as it likes.
    assert_eq!(meaning("GET", reports, "/reports/q3", &[("cookie", "twice")]), "reports:Read arn:aws:reports:::q3");
}

#[test]
fn without_routes_nothing_means_anything() {
    let headers = Given(HashMap::new());
    let original = Original { method: "GET", host: None, target: "/", headers: &headers };
    assert_eq!(Routes::default().meaning(&original).unwrap_err(), NoMeaning::NoRoute);
}

#[test]
fn all_that_is_wrong_is_told_by_line() {
    let text = r#"
[[route]]
hosts = "reports.example.com"
path = "reports"
methods = ["get"]
action = "reports:*"
resource = "arn:aws:reports:::{id}"
audience = ""

[[route]]
path = "/a/{id}"
action = "a:Read"
actions = { GET = "a:Read" }
headers = { "x y" = "1" }
resource = "arn:aws:a:::{ids}"
context = { "aws:username" = "x-user" }

[[route]]
path = "/b"
action = "b:Read"
resource = "arn:aws:b:::b"
signed_for = "sts"

[routes]
"#;
    assert_eq!(
        parse(text).unwrap_err().to_string().lines().collect::<Vec<_>>(),
        [
            "routes.toml line 3: unknown key `hosts`; did you mean `host`?",
            "routes.toml line 4: `path` must be a path such as /reports/{id} or /files/{name...}",
            "routes.toml line 5: `methods` has `get`, but a method is in capitals, such as GET",
            "routes.toml line 6: `action` is `reports:*`, but must have the form service:Action, such as reports:Read",
            "routes.toml line 8: `audience` must have 1 to 1000 characters",
            "routes.toml line 10: a route has `action`, with `methods` or without, or else `actions`",
            "routes.toml line 10: the route has no `audience` or `signed_for`: nobody could say who they are",
            "routes.toml line 14: `headers` has `x y`, which is no header",
            "routes.toml line 15: `resource` has `{ids}`, which the path does not take; did you mean `{id}`?",
            "routes.toml line 16: `context` has `aws:username`, which a proxy cannot say: `context.aws:username`: the broker \
             knows this key by itself",
            "routes.toml line 22: `signed_for` must be the name of a service, and of none of the broker's own",
            "routes.toml line 24: unknown key `routes`; did you mean `route`?",
        ]
    );
    for (text, told) in [
        ("", "routes.toml: there is no [[route]] in it"),
        ("route = 1", "routes.toml line 1: write [[route]] on a line of its own, and its keys below"),
        ("route = [1]", "routes.toml line 1: a route is a table of keys"),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), told);
    }
    assert!(parse("[[route]]\npath = ").unwrap_err().to_string().starts_with("routes.toml line 2: "));
    assert!(Routes::read(Path::new("/nowhere/routes.toml")).unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn a_route_that_is_never_reached_is_an_error() {
    let route = |path: &str, more: &str| {
        format!("[[route]]\npath = '{path}'\naction = 'a:B'\nresource = 'arn:aws:a:::x'\naudience = 'a'\n{more}\n")
    };
    for (first, second, reached) in [
        (route("/a", ""), route("/a", ""), false),
        (route("/{x}", ""), route("/a", ""), false),
        (route("/{x...}", ""), route("/a/b", "methods = ['GET']"), false),
        (route("/a", ""), route("/a", "host = 'a.example'"), false),
        (route("/a", "host = '*.example'"), route("/a", "host = 'a.example'"), false),
        (route("/a", "methods = ['GET', 'PUT']"), route("/a", "methods = ['GET']"), false),
        (route("/a", "headers = { a = '1' }"), route("/a", "headers = { a = '1', b = '2' }"), false),
        (route("/a", ""), route("/{x}", ""), true),
        (route("/a", "methods = ['GET']"), route("/a", ""), true),
        (route("/a", "methods = ['GET']"), route("/a", "methods = ['PUT']"), true),
        (route("/a", "host = 'a.example'"), route("/a", ""), true),
        (route("/a", "headers = { a = '1' }"), route("/a", ""), true),
        (route("/a", "headers = { a = '1' }"), route("/a", "headers = { a = '2' }"), true),
    ] {
        let parsed = parse(&format!("{first}{second}"));
        assert_eq!(parsed.is_ok(), reached, "{first}{second}");
        if let Err(error) = parsed {
            assert!(error.to_string().contains("the one of line 1 takes all"), "{error}");
        }
    }
}
