//! Templates, from what is refused to what is printed.

use super::text::Text;
use super::view::Node;
use super::{MessageBook, Scene, check, names, sample};
use crate::files::{read_campaigns, read_message};
use crate::model::{
    Campaign, Circle, Customer, Extent, Fence, Metres, Millis, Place, Position, Region, Scalar, ServerTime,
    TransitionKind,
};
use crate::qualify::Events;
use std::sync::Arc;

macro_rules! id {
    ($kind:ident, $id:expr) => {
        crate::model::$kind::parse("id", $id).unwrap()
    };
}

struct World {
    customer: Customer,
    place: Place,
    region: Region,
    events: Events,
}

impl World {
    fn new() -> Self {
        let mut customer = Customer::new(id!(CustomerId, "ada"));
        for (name, value) in [
            ("name", Scalar::Text("Ada\u{1} Lovelace".into())),
            ("points", Scalar::Number(40.0)),
            ("share", Scalar::Number(0.5)),
            ("vip", Scalar::Flag(true)),
        ] {
            customer.traits.insert(id!(TraitName, name), value);
        }
        let mut events = Events::default();
        let told = crate::files::read_events(
            r#"{"customer": "ada", "id": "e1", "event": "purchase", "channel": "till", "time": "2026-07-14T12:00:00Z", "value": 4.5, "currency": "USD", "properties": {"size": "large"}}"#,
        );
        for own in told.unwrap() {
            events.record(&own.event, ServerTime(1_784_138_400_000));
        }
        let center = Position::new(39.74, -104.99).unwrap();
        Self {
            customer,
            place: Place {
                id: id!(PlaceId, "roost-welton"),
                display_name: "Roost Welton".into(),
                brand: id!(BrandId, "roost"),
                time_zone: "America/Denver".into(),
                tags: vec![id!(Tag, "cafe"), id!(Tag, "wifi")],
                opening_hours: None,
            },
            region: Region {
                id: id!(RegionId, "welton-door"),
                place: id!(PlaceId, "roost-welton"),
                display_name: "the door".into(),
                extent: Extent::Fence(Fence::Circle(Circle { center, radius: Metres(40.0) })),
                dwell: Millis::from_mins(5),
                tags: Vec::new(),
            },
            events,
        }
    }

    fn scene<'a>(&'a self, campaign: &'a Campaign, locale: &'a str) -> Scene<'a> {
        Scene {
            campaign,
            variant: None,
            customer: &self.customer,
            locale,
            events: &self.events,
            place: &self.place,
            region: &self.region,
            on: TransitionKind::Enter,
            // 12:00 on Wednesday 15 July in Denver.
            happened: ServerTime(1_784_138_400_000),
            zone: "America/Denver",
        }
    }
}

fn campaign(message: &str) -> Campaign {
    let text =
        "campaigns: [{ id: latte, regions: { brands: [roost] }, topic: offers, message: { title: A, body: B } }]";
    let mut campaign = read_campaigns(text).unwrap().remove(0);
    campaign.message = read_message(message).unwrap();
    campaign
}

/// What a template prints for Ada, or its fault as `line:column problem`.
fn print(text: &str) -> String {
    let world = World::new();
    let campaign = campaign("{ title: A, body: B }");
    let parsed = match Text::parse(text) {
        Ok(parsed) => parsed,
        Err(fault) => return format!("{}:{} {}", fault.line, fault.column, fault.problem),
    };
    let mut values = Node::root();
    for mention in parsed.mentions() {
        values.put(&mention.path, names::value(&mention.path, &world.scene(&campaign, "en")));
    }
    parsed.render(&values).unwrap_or_else(|fault| format!("{}:{} {}", fault.line, fault.column, fault.problem))
}

/// Checks what a template prints for Ada.
fn check_print(text: &str, expected: &str) {
    assert_eq!(print(text), expected, "{text}");
}

#[test]
fn a_template_prints_what_it_names() {
    for (text, expected) in [
        ("plain { text } 100%", "plain { text } 100%"),
        ("Hi {{ customer.traits.name }}!", "Hi Ada Lovelace!"),
        ("{{customer.traits[\"name\"]|upcase}}", "ADA LOVELACE"),
        ("{{ customer.traits.points }} {{ customer.traits.share }} {{ customer.traits.vip }}", "40 0.5 true"),
        (
            "{{ place.name }} {{ place.brand }} {{ region.id }} {{ region.name }}",
            "Roost Welton roost welton-door the door",
        ),
        ("{{ event.kind }} {{ event.time }} {{ event.date }} {{ event.weekday }}", "enter 12:00 2026-07-15 wed"),
        ("{% if event.hour < 12 %}Morning{% else %}Day{% endif %}", "Day"),
        ("{% for tag in place.tags %}{{ tag }}{% unless forloop.last %}, {% endunless %}{% endfor %}", "cafe, wifi"),
        ("{% if place.tags contains 'wifi' %}on air{% endif %}", "on air"),
        ("{% case customer.traits.tier %}{% when 'gold' or 'silver' %}Metal{% else %}Friend{% endcase %}", "Friend"),
        ("{% assign who = customer.traits.nick | default: \"you\" %}{{ who -}} \n !", "you!"),
        ("{{ customer.traits.nick | default: customer.traits.name }}", "Ada Lovelace"),
        ("{% if customer.traits.nick %}{{ customer.traits.nick }}{% endif %}-", "-"),
        ("{% if customer.traits.nick == nil %}none{% endif %}", "none"),
        ("{% if customer.traits.nick contains 'a' %}a{% endif %}-", "-"),
        ("{% if customer.traits.points >= 40 and customer.traits.vip %}many{% endif %}", "many"),
        ("{{ customer.events.purchase.count }} {{ customer.last_event.name }}", "1 purchase"),
        ("{{ customer.events.purchase.worth }} {{ customer.events.purchase.properties.size }}", "4.50 USD large"),
        ("{{ customer.events.visit.count | default: 0 }}", "0"),
        ("{{ customer.traits.name | url_encode }}", "Ada%20Lovelace"),
        ("{{ campaign.id }} {{ campaign.topic }} {{ customer.id }}", "latte offers ada"),
        ("{{ 'a}}b' }}", "a}}b"),
    ] {
        check_print(text, expected);
    }
}

#[test]
fn what_is_missing_is_never_printed() {
    for text in [
        "Hi {{ customer.traits.nick }}",
        "Hi {{ customer.traits.nick | upcase }}",
        "Hi {{ customer.traits.nick | size }}",
        "Hi {{ customer.traits.nick | truncate: 3 }}",
        "Hi {{ customer.traits.name | append: customer.traits.nick }}",
        "{% assign x = customer.traits.nick %}Hi {{ x }}",
    ] {
        let said = print(text);
        assert!(said.contains("customer.traits.nick is not known of this customer"), "{text}: {said}");
    }
    check_print("a\n é {{ customer.traits.nick }}", "2:7 customer.traits.nick is not known of this customer");
}

#[test]
fn a_fault_says_line_and_column() {
    for (text, fault) in [
        ("Hello {{ custmer.id }}", "1:10 there is no custmer.id; known are customer, place, region, event, campaign"),
        (
            "a\nbé{{ place.nmae }}",
            "2:6 there is no place.nmae; of place known are id, name, brand, time_zone and tags",
        ),
        (
            "{% if true %}{% else %}{{ customer.nick }}{% endif %}",
            "1:27 there is no customer.nick; of customer known",
        ),
        ("{% if custmer.id %}a{% endif %}", "1:7 there is no custmer.id"),
        ("{{ place.name | shout }}", "1:17 there is no filter shout; known are append"),
        ("{{ place.name | append: x }}", "1:25 there is no x"),
        ("{{ 'now' | date: '%s' }}", "1:12 there is no filter date"),
        ("{{ }}", "1:1 is empty"),
        ("a {{ place.name", "1:3 is not closed; end it with }}"),
        ("a {{ 'name }}", "1:6 the text is not closed"),
        ("{% if place.name %}a", "1:4 if is not closed; end it with endif"),
        ("{% endif %}", "1:4 endif ends nothing"),
        ("{% if place.name %}{% endunless %}", "1:23 endunless ends if; must be endif"),
        ("{% else %}", "1:4 else stands outside of its block"),
        ("{% include 'a' %}", "1:4 there is no tag include; known are if"),
        ("{% capture a %}{% endcapture %}", "1:4 there is no tag capture"),
        ("{% for i in (1..9) %}{% endfor %}", "1:13 '(' has no meaning here"),
        ("{% for i in place.name %}{% endfor %}", "1:13 place.name is no list; lists are"),
        ("{% for i in place.tags limit:9 %}{% endfor %}", "1:4 must be such as for tag in place.tags"),
        (
            "{% for a in place.tags %}{% for b in place.tags %}{% endfor %}{% endfor %}",
            "1:29 a loop stands in another",
        ),
        ("{% assign customer = 1 %}", "1:11 customer has a meaning already"),
        ("{% assign = 1 %}", "1:4 must be such as assign"),
        ("{{ customer.traits }}", "1:4 there is no customer.traits; of customer known"),
        ("{{ customer.traits[place.id] }}", "1:19 must hold a text in quotes"),
        ("{{ 99999999999999999999 }}", "1:4 the number has more than 15 digits"),
        ("{{ place.name.", "1:15 must name something here"),
        ("{% if place.name == %}a{% endif %}", "1:"),
        ("\u{7}{{ place.name }}", "1:1 has the control character"),
    ] {
        let said = print(text);
        assert!(said.starts_with(fault), "{text}: {said}");
    }
    let nested = "{% if true %}".repeat(9) + &"{% endif %}".repeat(9);
    assert_eq!(print(&nested), "1:108 stands in 8 others; no more may nest");
}

/// The worst that a template of the longest allowed length can do.
#[test]
#[expect(clippy::disallowed_methods, reason = "how long it takes is the question")]
fn a_template_ends_soon_whatever_it_says() {
    let most = crate::model::message::TEMPLATE_MAX;
    let loops = |inner: &str| {
        let (begin, end) = ("{% for t in customer.topics %}", "{% endfor %}");
        let times = (most - begin.len() - end.len()) / inner.len();
        format!("{begin}{}{end}", inner.repeat(times))
    };
    let mut world = World::new();
    for n in 0..crate::model::customer::TOPICS_MAX {
        world.customer.topics.opt_in(id!(TopicId, &format!("{n:0>64}")));
    }
    let campaign = campaign("{ title: A, body: B }");
    let doubling = "{% assign a = 'aaaaaaaa' %}".to_owned() + &"{% assign a = a | append: a %}".repeat(60);
    let bomb = "{% assign a = 'aaaaaaaa' %}".to_owned()
        + &"{% assign a = a | append: a %}".repeat(8)
        + &"{% assign a = a | replace: 'a', a %}".repeat(20);
    for (text, wanted) in [
        (loops("{{ t }}"), "prints more than 4096 bytes"),
        (loops("{% assign x = t | upcase | downcase %}"), ""),
        (loops("{% if t == 'x' %}{{ t }}{% endif %}"), ""),
        (doubling, "at most 4096 are allowed"),
        (bomb, "at most 4096 are allowed"),
    ] {
        assert!(text.len() <= most);
        let parsed = Text::parse(&text).unwrap();
        let mut values = Node::root();
        for mention in parsed.mentions() {
            values.put(&mention.path, names::value(&mention.path, &world.scene(&campaign, "en")));
        }
        let begun = std::time::Instant::now();
        let said = parsed.render(&values).unwrap_or_else(|fault| fault.problem);
        assert!(said.contains(wanted), "{text}: {said}");
        assert!(said.len() <= 4_096 + 100);
        // A generous bound for a build without optimization on a busy machine.
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}: {text}", begun.elapsed());
    }
}

#[test]
fn a_message_speaks_the_customers_language_and_falls_back() {
    let message = "{ title: 'Hi {{ customer.traits.name }}', body: B, locale: en, deep_link: 'roost://latte', data: { a: '1', b: '2' },
        translations: [ { locale: es, title: Hola, body: 'B {{ customer.traits.nick }}', data: { b: '3' } },
                    { locale: es-MX, title: 'Qué onda', body: '{{ place.name }}', deep_link: 'roost://mx' } ] }";
    let mut campaign = campaign(message);
    let world = World::new();
    let say = |campaign: &Campaign, locale: &str| {
        let book = MessageBook::build(&[Arc::new(campaign.clone())]);
        match book.render(&world.scene(campaign, locale)) {
            Ok(said) => {
                let why = said.fell_back.map(|why| format!(" since {why}")).unwrap_or_default();
                let locale = said.message.locale.as_ref().map_or("-", |own| own.as_str()).to_owned();
                format!("{locale} {}: {}{why}", said.message.title, said.message.body)
            }
            Err(speechless) => speechless.why,
        }
    };
    let failed =
        "message.translations[0].body at line 1, column 6: customer.traits.nick is not known of this customer";
    assert_eq!(say(&campaign, "es-MX-x-a"), "es-MX Qué onda: Roost Welton");
    assert_eq!(say(&campaign, "de"), "en Hi Ada Lovelace: B");
    assert_eq!(say(&campaign, ""), "en Hi Ada Lovelace: B");
    assert_eq!(say(&campaign, "es-ES"), format!("en Hi Ada Lovelace: B since {failed}"));

    campaign.message.title = "{{ customer.traits.nick }}".into();
    assert_eq!(say(&campaign, "es"), failed);
    let own = "message.title at line 1, column 4: customer.traits.nick is not known of this customer";
    assert_eq!(say(&campaign, "de"), own);
    campaign.message.fallback =
        read_message("{ title: A, body: B, fallback: { title: Hey, body: Come in } }").unwrap().fallback;
    assert_eq!(say(&campaign, "es"), format!("- Hey: Come in since {failed}"));

    campaign.message.title = "x".repeat(300);
    let book = MessageBook::build(&[Arc::new(campaign.clone())]);
    let said = book.render(&world.scene(&campaign, "es-MX")).unwrap().message;
    assert_eq!((said.deep_link.as_deref(), said.data["b"].as_str()), (Some("roost://mx"), "2"));
    let said = book.render(&world.scene(&campaign, "en")).unwrap().message;
    assert_eq!((said.title.chars().count(), said.title.ends_with('…'), said.data.len()), (100, true, 2));
}

#[test]
fn a_campaign_is_checked_against_samples() {
    for (message, refusal) in [
        ("{ title: 'Hi {{ customer.traits.name | default: \"you\" }}', body: B }", None),
        (
            "{ title: 'Hi {{ customer.traits.name }}', body: B }",
            Some(
                "message.title at line 1, column 7: customer.traits.name is not known of this customer in a sample of whom nothing is known",
            ),
        ),
        ("{ title: 'Hi {{ customer.traits.name }}', body: B, fallback: { title: A, body: B } }", None),
        (
            "{ title: A, body: '{{ x }}', fallback: { title: A, body: B } }",
            Some("message.body at line 1, column 4: there is no x"),
        ),
        (
            "{ title: A, body: B, translations: [ { locale: de, title: A, body: B }, { locale: es, title: A, body: 'Hola, {{ custmer.id }}' } ] }",
            Some("message.translations[1].body at line 1, column 10: there is no custmer.id"),
        ),
        (
            "{ title: A, body: B, buttons: [ { id: a, title: '{{ y }}' } ] }",
            Some("message.buttons[0].title at line 1, column 4"),
        ),
        ("{ title: A, body: B, data: { a: '{{ y }}' } }", Some("message.data[\"a\"] at line 1, column 4")),
        (
            "{ title: A, body: B, deep_link: 'roost://a?n={{ customer.traits.name | default: \"x\" }}' }",
            Some("message.deep_link is \"roost://a?n=a sample\"; must be an absolute URI"),
        ),
        (
            "{ title: A, body: B, deep_link: 'roost://a?n={{ customer.traits.name | default: \"x\" | url_encode }}' }",
            None,
        ),
        (
            "{ title: A, body: B, image: 'http://a/{{ place.id }}.png' }",
            Some("message.image is \"http://a/sample.png\"; must begin with https://"),
        ),
        ("{ title: A, body: '{% if customer.traits.vip %}B{% endif %}' }", Some("message.body prints nothing")),
    ] {
        let found = check(&campaign(message)).err().map(|why| why.to_string());
        match (found, refusal) {
            (None, None) => {}
            (Some(found), Some(refusal)) => assert!(found.starts_with(refusal), "{message}: {found}"),
            (found, refusal) => panic!("{message}: {found:?} instead of {refusal:?}"),
        }
    }
    let campaign = campaign(
        "{ title: 'Hi {{ customer.traits.name }}', body: '{{ customer.events.x.count }} {{ place.name }}' }",
    );
    let said = sample(&World::new().scene(&campaign, "")).unwrap().message;
    assert_eq!((said.title.as_str(), said.body.as_str()), ("Hi Ada Lovelace", "1 Roost Welton"));
}

#[test]
fn no_text_panics() {
    let parts = [
        "{{",
        "}}",
        "{%",
        "%}",
        "{{-",
        "-%}",
        " if ",
        "for t in place.tags",
        "endfor",
        "endif",
        "else",
        "elsif",
        "case",
        "when",
        "customer.traits.name",
        "place",
        ".",
        "[\"",
        "\"]",
        "|",
        "default",
        ":",
        "'",
        "\"",
        "1",
        "-",
        "é",
        "\n",
        "(",
        "..",
        "assign x = ",
        "unless",
        "break",
        "continue",
        "truncate: -1",
        "==",
        "<",
        "contains",
        "raw",
        "comment",
        "nil",
        "empty",
    ];
    let mut seed = 7_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(parts[usize::try_from(seed >> 33).unwrap() % parts.len()]);
        }
        print(&text);
    }
}
