//! What must not be called is not: a listener on this host counts who comes.

use super::*;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Hosts that lead, or try to lead, into the house: 100 of them, with the listener's port for `:0`.
const INTO_THE_HOUSE: &str = "
    https://127.0.0.1:0/ https://127.0.0.1:0/a?b#c https://127.0.0.2:0/ https://127.255.255.254:0/ https://127.1:0/
    https://127.0.1:0/ https://2130706433:0/ https://0x7f000001:0/ https://0x7f.0.0.1:0/ https://0x7f.1:0/
    https://0177.0.0.1:0/ https://0177.1:0/ https://017700000001:0/ https://127.0.0.1.:0/ https://127.000.000.001:0/
    https://0:0/ https://0.0.0.0:0/ https://0.0.0.1:0/ https://0x0:0/ https://00:0/
    https://localhost:0/ https://LOCALHOST:0/ https://localhost.:0/ https://a.localhost:0/ https://LocalHost.:0/x
    https://[::1]:0/ https://[0:0:0:0:0:0:0:1]:0/ https://[0000::0001]:0/ https://[::]:0/ https://[::ffff:127.0.0.1]:0/
    https://[::ffff:7f00:1]:0/ https://[::ffff:0:127.0.0.1]:0/ https://[::127.0.0.1]:0/ https://[::7f00:1]:0/
    https://[64:ff9b::127.0.0.1]:0/ https://[64:ff9b::7f00:1]:0/ https://[64:ff9b:1::7f00:1]:0/
    https://[2002:7f00:1::]:0/ https://[2002:a00:1::1]:0/ https://[2001:0:7f00:1::]:0/ https://[2001:db8::1]:0/
    https://[fe80::1]:0/ https://[fe80::a00:27ff:fe4e:66a1]:0/ https://[febf::1]:0/ https://[fc00::1]:0/
    https://[fd00::1]:0/ https://[fd00:ec2::254]:0/ https://[fec0::1]:0/ https://[ff02::1]:0/ https://[ff0e::1]:0/
    https://[100::1]:0/ https://[5f00::1]:0/ https://[3fff::1]:0/ https://[::ffff:169.254.169.254]:0/
    https://[::ffff:10.0.0.1]:0/ https://[::ffff:192.168.0.1]:0/ https://[::ffff:0a00:0001]:0/
    https://10.0.0.1:0/ https://10.255.255.255:0/ https://10.1:0/ https://0xa.0.0.1:0/ https://012.0.0.1:0/
    https://167772161:0/ https://172.16.0.1:0/ https://172.31.255.255:0/ https://192.168.0.1:0/ https://192.168.1:0/
    https://3232235521:0/ https://0xc0a80001:0/ https://169.254.169.254:0/ https://169.254.169.254:0/latest/meta-data
    https://2852039166:0/ https://0xa9fea9fe:0/ https://0251.0376.0251.0376:0/ https://169.254.0.1:0/
    https://100.64.0.1:0/ https://100.100.100.200:0/ https://192.0.0.1:0/ https://192.0.0.192:0/ https://192.0.2.1:0/
    https://198.18.0.1:0/ https://198.51.100.1:0/ https://203.0.113.1:0/ https://192.88.99.1:0/ https://224.0.0.1:0/
    https://239.255.255.250:0/ https://240.0.0.1:0/ https://255.255.255.255:0/ https://4294967295:0/
    https://１２７.0.0.1:0/ https://①②⑦.⓪.⓪.①:0/ https://ⓛocalhost:0/ https://127。0。0。1:0/
    https://user@127.0.0.1:0/ https://example.com@127.0.0.1:0/ https://example.com:x@localhost:0/
    http://127.0.0.1:0/ http://localhost:0/ http://[::1]:0/ http://example.com:0/
    ftp://127.0.0.1:0/ file:///etc/passwd gopher://127.0.0.1:0/_x
    ";

/// Names, and what a resolver in the wrong hands, or one that has changed its mind, says of them.
const NAMES: [(&str, &[&str]); 9] = [
    ("rebind.test", &["127.0.0.1"]),
    ("mapped.test", &["::ffff:127.0.0.1"]),
    ("six.test", &["::1"]),
    ("any.test", &["0.0.0.0"]),
    ("metadata.test", &["169.254.169.254", "fd00:ec2::254"]),
    ("lan.test", &["10.0.0.1", "192.168.0.1", "172.16.0.1"]),
    ("translated.test", &["64:ff9b::7f00:1"]),
    ("nobody.test", &[]),
    ("cgnat.test", &["100.64.0.1"]),
];

struct House {
    port: u16,
    knocks: Arc<AtomicUsize>,
}

/// A listener on all addresses of this host, which answers each connection and counts it.
async fn house() -> House {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let knocks = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&knocks);
    // The same port of IPv6, where there is any.
    let listeners = [Some(listener), TcpListener::bind(("::1", port)).await.ok()];
    for listener in listeners.into_iter().flatten() {
        let count = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 1_024]).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n").await;
            }
        });
    }
    House { port, knocks }
}

fn caller(options: Options) -> Caller {
    let lookup: Lookup = Arc::new(|name| {
        let known = NAMES.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, addresses)| *addresses);
        let addresses: Vec<SocketAddr> = known.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
        Box::pin(async move { Ok(addresses) })
    });
    Caller::with(options, Version::Any, false, lookup).unwrap()
}

fn quick(reach: Reach) -> Options {
    Options { reach, connect: Millis(300), whole: Millis(500), ..Options::default() }
}

#[tokio::test]
async fn no_connection_is_made_into_the_house() {
    let house = house().await;
    let caller = caller(quick(Reach::Public));
    let open = Caller { options: quick(Reach::Anywhere), client: caller.client.clone() };
    let mut tried = 0;
    for url in INTO_THE_HOUSE.split_whitespace() {
        let url = url.replace(":0/", &format!(":{}/", house.port));
        let refusal = quick(Reach::Public).url(&url).expect_err(&url);
        assert!(!refusal.is_empty(), "{url}");
        if let Ok(parsed) = Url::parse(&url) {
            let answer = caller.post(parsed, HeaderMap::new(), Vec::new()).await.unwrap_err();
            assert!(matches!(answer, Answer::Unfit { .. }), "{url}: {answer:?}");
        }
        tried += 1;
    }
    assert!(tried >= 100, "only {tried} addresses were tried");
    for (name, _) in NAMES {
        let url = Url::parse(&format!("https://{name}:{}/", house.port)).unwrap();
        // Also where the check of the URL is passed by, the resolver stands in the way.
        for caller in [&caller, &open] {
            let answer = caller.post(url.clone(), HeaderMap::new(), Vec::new()).await.unwrap_err();
            let detail = "the host has no address of the public Internet".into();
            assert_eq!(answer, Answer::Unfit { detail }, "{name}");
        }
    }
    assert_eq!(house.knocks.load(Ordering::SeqCst), 0, "connections were made");
}

#[tokio::test]
async fn what_the_operator_allows_is_reached() {
    let house = house().await;
    let anywhere = Options { plain_http: true, ..quick(Reach::Anywhere) };
    for (options, host) in [
        (quick(Reach::OwnHost), "127.0.0.1"),
        (quick(Reach::OwnHost), "127.0.0.9"),
        (anywhere, "127.0.0.1"),
        (anywhere, "rebind.test"),
    ] {
        let url = options.url(&format!("http://{host}:{}/", house.port)).unwrap();
        let reply = caller(options).post(url, HeaderMap::new(), Vec::new()).await.unwrap();
        assert_eq!(reply.status, 204, "{host}");
    }
    assert_eq!(house.knocks.load(Ordering::SeqCst), 4);
    // This host is not the whole house.
    assert!(quick(Reach::OwnHost).url("https://10.0.0.1/").is_err());
}

#[test]
fn only_urls_that_are_safe_to_post_to_are_taken() {
    let plain = Options { plain_http: true, ..Options::default() };
    let public = Options::default();
    let operator = Options::for_operator;
    for (url, options, problem) in [
        ("https://example.com/hook", public, None),
        ("http://localhost:8080/hook", operator("http://localhost:8080/hook"), None),
        ("http://127.0.0.2/hook", operator("http://127.0.0.2/hook"), None),
        ("http://[::1]:80/hook", operator("http://[::1]:80/hook"), None),
        ("http://receiver.svc/hook", plain, None),
        ("http://example.com/hook", operator("http://example.com/hook"), Some("is http; must be https")),
        ("http://127.0.0.1.example.com/", operator("http://127.0.0.1.example.com/"), Some("is http; must be https")),
        ("http://10.0.0.1/", operator("http://10.0.0.1/"), Some("is http; must be https")),
        ("https://10.0.0.1/", operator("https://10.0.0.1/"), Some("is not an address of the public")),
        ("http://10.0.0.1/", plain, Some("is not an address of the public")),
        ("https://10.0.0.1/", Options { reach: Reach::Anywhere, ..public }, None),
        ("https://user:pass@example.com/", public, Some("holds a user name or password")),
        ("ftp://example.com/", plain, Some("begins with ftp:")),
        ("hook", public, Some("is not valid")),
    ] {
        match (options.url(url), problem) {
            (Ok(_), None) => {}
            (Err(found), Some(begins)) => assert!(found.starts_with(begins), "{url}: {found}"),
            (other, _) => panic!("{url}: {other:?}"),
        }
    }
    assert!(public.url(&format!("https://example.com/{}", "x".repeat(4_096))).unwrap_err().starts_with("has 4116"));
}
