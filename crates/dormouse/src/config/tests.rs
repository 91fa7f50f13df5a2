use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::*;

const SECRET: &str = "CANARY a secret of thirty-two and more bytes";

/// A deployment with a secret and these variables.
fn parse(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let mut all = BTreeMap::from([("JWT_SECRET", SECRET)]);
    all.extend(variables.iter().copied());
    Config::parse(|name| all.get(name).map(|value| (*value).to_owned()))
}

fn accepted(variables: &[(&str, &str)]) -> Config {
    parse(variables).unwrap()
}

/// The only mistake of these variables.
fn refused(variables: &[(&str, &str)]) -> String {
    let mistakes = parse(variables).unwrap_err();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    mistakes.into_iter().next().unwrap()
}

mod settings {
    use super::*;

    #[test]
    fn every_knob_that_is_read_is_documented_and_every_documented_one_is_read() {
        let read = RefCell::new(BTreeSet::new());
        let _ = Config::parse(|name| {
            read.borrow_mut().insert(name.to_owned());
            None
        });
        let documented: BTreeSet<_> = Config::settings().map(|setting| setting.name.to_owned()).collect();
        assert_eq!(read.into_inner(), documented);
        assert_eq!(Config::settings().count(), documented.len());
    }

    #[test]
    fn the_documented_default_and_bounds_of_a_number_are_the_ones_that_hold() {
        for setting in Limits::SETTINGS {
            let plain = |text: &str| text.replace('_', "").replace(".0", "");
            let (low, high) = setting.accepts.split_once(" to ").unwrap();
            let set = |text: &str| {
                let mut reader = Reader::new(|name: &str| (name == setting.name).then(|| text.to_owned()));
                let limits = Limits::from_settings(&mut reader);
                let out_of_bounds = reader.mistakes.iter().any(|told| told.contains("number from"));
                (limits, out_of_bounds)
            };
            assert_eq!(set(&plain(setting.default)), (Limits::default(), false), "{}", setting.name);
            assert!(!set(&plain(low)).1 && !set(&plain(high)).1, "{}", setting.name);
            assert!(set(&format!("{}1", plain(high))).1, "{}", setting.name);
            let below = plain(low).parse::<i64>().unwrap() - 1;
            assert!(set(&below.to_string()).1, "{}", setting.name);
        }
    }

    #[test]
    fn every_knob_changes_its_own_field_and_no_other() {
        let default = format!("{:?}", Limits::default());
        for setting in Limits::SETTINGS {
            let (low, high) = setting.accepts.split_once(" to ").unwrap();
            let other = if high == setting.default { low } else { high };
            let mut reader = Reader::new(|name: &str| (name == setting.name).then(|| other.replace('_', "")));
            let changed = format!("{:?}", Limits::from_settings(&mut reader));
            let differing: Vec<_> =
                changed.split(", ").zip(default.split(", ")).filter(|(one, other)| one != other).collect();
            assert_eq!(differing.len(), 1, "{}", setting.name);
            assert!(differing[0].0.contains(&format!("{}:", setting.name.to_lowercase())), "{}", setting.name);
        }
    }

    #[test]
    fn the_table_has_a_row_for_every_knob_and_numbers_for_people() {
        let table = Config::table();
        assert_eq!(table.lines().count(), Config::settings().count() + 2);
        assert!(table.lines().all(|line| line.matches('|').count() == 5), "{table}");
        assert!(table.contains("| `FRAME_BYTES` | 65,536 bytes | 1,024 to 1,048,576 |"), "{table}");
        assert!(table.contains("| `GENERAL_BURST` | 40 requests | 1 to 10,000 |"), "{table}");
        assert!(table.contains("| `DEV_TOKENS` | 0 | 0 or 1 |"), "{table}");
    }
}

mod mistakes {
    use super::*;

    #[test]
    fn a_deployment_with_a_secret_alone_has_the_defaults() {
        let config = accepted(&[]);
        assert_eq!(config.limits, Limits::default());
        assert!(!config.allow_query_token && !config.dev_tokens);
        assert_eq!((config.jurisdiction, config.location_hint), (None, None));
        assert_eq!(config.allowed_origins, Origins::default());
    }

    #[test]
    fn lines_below_the_level_of_the_log_are_not_written() {
        let written = |level: &str| {
            let config = accepted(&[("LOG_LEVEL", level)]);
            [Level::Info, Level::Warn, Level::Error].map(|level| config.logs(&LogLine::new(level, "join")))
        };
        assert_eq!(written("info"), [true, true, true]);
        assert_eq!(written("warn"), [false, true, true]);
        assert_eq!(written("error"), [false, false, true]);
        assert_eq!(accepted(&[]).log_level, Level::Info);
        for other in ["", "INFO", "debug", "off"] {
            let told = refused(&[("LOG_LEVEL", other)]);
            assert_eq!(told, format!("LOG_LEVEL must be one of info, warn, error, or not be set; it is {other:?}."));
        }
    }

    #[test]
    fn a_level_has_the_name_that_its_lines_have() {
        let named = Level::NAMES.map(|name| serde_json::to_value(Level::parse(name).unwrap()).unwrap());
        assert_eq!(named, Level::NAMES);
    }

    #[test]
    fn a_deployment_without_any_key_is_a_mistake() {
        let mistakes = Config::parse(|_| None).unwrap_err();
        assert_eq!(mistakes, ["JWT_SECRET and JWT_JWKS are both missing: set one, or no token can be verified."]);
    }

    #[test]
    fn development_needs_the_secret_that_its_tokens_are_signed_with() {
        let jwks = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let with = |dev: &str| {
            let all = BTreeMap::from([("JWT_JWKS", jwks), ("DEV_TOKENS", dev)]);
            Config::parse(|name| all.get(name).map(|value| (*value).to_owned()))
        };
        assert!(with("0").is_ok());
        assert_eq!(
            with("1").unwrap_err(),
            ["DEV_TOKENS=1 needs JWT_SECRET: the tokens it hands out are signed with that."]
        );
    }

    #[test]
    fn a_wrong_number_is_told_with_its_bounds_and_what_it_is() {
        assert_eq!(
            refused(&[("FRAME_BYTES", "abc")]),
            r#"FRAME_BYTES must be a whole number from 1024 to 1048576 bytes; it is "abc"."#
        );
        assert_eq!(
            refused(&[("GENERAL_PER_SECOND", "0.5")]),
            r#"GENERAL_PER_SECOND must be a number from 1 to 1000 requests a second; it is "0.5"."#
        );
        for value in [
            "",
            " 65536",
            "65536 ",
            "65_536",
            "6e4",
            "65536.0",
            "-1",
            "1023",
            "1048577",
            "99999999999999999999",
            "0x10000",
        ] {
            assert!(refused(&[("FRAME_BYTES", value)]).starts_with("FRAME_BYTES must be"), "{value}");
        }
        for value in ["NaN", "inf", "-20", "", "1e9"] {
            assert!(refused(&[("GENERAL_PER_SECOND", value)]).starts_with("GENERAL_PER_SECOND must be"), "{value}");
        }
        assert_eq!(accepted(&[("FRAME_BYTES", "1024")]).limits.frame_bytes, 1_024);
        assert_eq!(accepted(&[("GENERAL_PER_SECOND", "12.5")]).limits.general_per_second, 12.5);
    }

    #[test]
    fn a_long_or_strange_value_is_told_in_one_short_line() {
        let told = refused(&[("FRAME_BYTES", &"line\n\u{1b}[31m".repeat(100))]);
        assert!(told.len() < 200 && !told.contains('\n') && !told.contains('\u{1b}'), "{told}");
    }

    #[test]
    fn a_switch_is_0_or_1_and_nothing_else() {
        for name in ["ALLOW_QUERY_TOKEN", "DEV_TOKENS"] {
            let on = |config: Config| if name == "DEV_TOKENS" { config.dev_tokens } else { config.allow_query_token };
            assert!(on(accepted(&[(name, "1")])));
            assert!(!on(accepted(&[(name, "0")])));
            for value in ["true", "yes", "", "01", "1 ", "2"] {
                assert_eq!(refused(&[(name, value)]), format!("{name} must be 0 or 1; it is {value:?}."));
            }
        }
    }

    #[test]
    fn a_place_is_one_that_the_platform_knows() {
        let config = accepted(&[("JURISDICTION", "eu"), ("LOCATION_HINT", "apac-se")]);
        assert_eq!((config.jurisdiction, config.location_hint), (Some("eu"), Some("apac-se")));
        for setting in Config::settings().filter(|setting| matches!(setting.name, "JURISDICTION" | "LOCATION_HINT")) {
            for place in setting.accepts.split(", ") {
                accepted(&[(setting.name, place)]);
            }
        }
        assert_eq!(
            refused(&[("JURISDICTION", "EU")]),
            r#"JURISDICTION must be one of eu, us, fedramp, fedramp-high, or not be set; it is "EU"."#
        );
        assert!(refused(&[("LOCATION_HINT", "")]).starts_with("LOCATION_HINT must be one of wnam"));
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let mistakes = parse(&[
            ("JWT_SECRET", "short"),
            ("JWT_JWKS", "{}"),
            ("JWT_ISSUER", ""),
            ("ALLOWED_ORIGINS", "https://a.example/, *, https://b.example"),
            ("DEV_TOKENS", "on"),
            ("ALLOW_QUERY_TOKEN", "off"),
            ("JURISDICTION", "moon"),
            ("LOCATION_HINT", "moon"),
            ("FRAME_BYTES", "0"),
            ("MEMBERS", "all"),
        ])
        .unwrap_err();
        assert_eq!(mistakes.len(), 11, "{mistakes:#?}");
        assert!(mistakes.iter().all(|told| told.ends_with('.') || told.ends_with("48")), "{mistakes:#?}");
    }

    #[test]
    fn limits_that_contradict_each_other_are_told() {
        for (variables, part) in [
            (vec![("GENERAL_BURST", "201")], "ten times GENERAL_PER_SECOND"),
            (vec![("GENERAL_PER_SECOND", "3")], "ten times GENERAL_PER_SECOND"),
            (vec![("REPLAY_BURST_BYTES", "10485761")], "ten times REPLAY_BYTES_PER_SECOND"),
            (vec![("REPLAY_BURST_BYTES", "262143")], "at most REPLAY_BURST_BYTES"),
            (vec![("FRAME_BYTES", "262145")], "at most REPLAY_BYTES"),
            (vec![("UNSENT_BYTES", "524287")], "at most UNSENT_BYTES"),
            (vec![("ROW_BYTES", "69631")], "at most ROW_BYTES"),
            (vec![("PRESENCE_LIST", "150")], "less than PRESENCE_LIST"),
            (vec![("PRESENCE_LIST_BACK", "200")], "less than PRESENCE_LIST"),
            (vec![("UNSIGNED_MEMBERS", "30001")], "at most MEMBERS"),
            (vec![("MEMBERS", "19"), ("UNSIGNED_MEMBERS", "0")], "CONNECTIONS_PER_USER must be at most MEMBERS"),
        ] {
            let told = refused(&variables);
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn limits_at_their_edges_do_not_contradict_each_other() {
        for variables in [
            vec![("GENERAL_BURST", "200")],
            vec![("GENERAL_PER_SECOND", "4")],
            vec![("REPLAY_BURST_BYTES", "10485760")],
            vec![("REPLAY_BURST_BYTES", "262144")],
            vec![("FRAME_BYTES", "262144")],
            vec![("UNSENT_BYTES", "524288")],
            vec![("ROW_BYTES", "69632")],
            vec![("PRESENCE_LIST", "151")],
            vec![("PRESENCE_LIST_BACK", "199")],
            vec![("UNSIGNED_MEMBERS", "30000")],
            vec![("MEMBERS", "20"), ("UNSIGNED_MEMBERS", "20")],
            vec![("FRAME_BYTES", "1024"), ("PRESENCE_DATA_BYTES", "1024")],
        ] {
            accepted(&variables);
        }
    }

    #[test]
    fn a_wrong_limit_is_not_told_twice_by_what_it_would_contradict() {
        assert!(refused(&[("PRESENCE_LIST", "many"), ("PRESENCE_LIST_BACK", "200")]).contains("many"));
    }

    #[test]
    fn r2_neither_the_settings_nor_their_mistakes_show_a_secret() {
        let jwks = r#"{"keys":[{"kty":"oct","k":"Q0FOQVJZX0NBTkFSWV9DQU5BUllfQ0FOQVJZX0NBTkFSWQ"}]}"#;
        let printed = format!("{:?}", accepted(&[("JWT_JWKS", jwks)]));
        assert!(
            !printed.contains("CANARY") && !printed.contains("Q0FOQVJZ") && !printed.contains("67, 65"),
            "{printed}"
        );
        let mistakes = parse(&[("JWT_SECRET", "CANARY"), ("JWT_JWKS", "CANARY"), ("FRAME_BYTES", "x")]).unwrap_err();
        assert_eq!(mistakes.len(), 3);
        assert!(mistakes.iter().all(|told| !told.contains("CANARY")), "{mistakes:?}");
    }
}

mod origins {
    use super::*;

    fn allows(list: &str, origin: &str) -> bool {
        accepted(&[("ALLOWED_ORIGINS", list)]).allowed_origins.allows(origin)
    }

    fn mistake(list: &str) -> String {
        refused(&[("ALLOWED_ORIGINS", list)])
    }

    #[test]
    fn e7_a_listed_origin_passes_and_one_that_only_looks_like_it_does_not() {
        let list = "https://app.example.com, http://localhost:3000,capacitor://localhost ,http://[::1]:8080";
        for origin in ["https://app.example.com", "http://localhost:3000", "capacitor://localhost", "http://[::1]:8080"]
        {
            assert!(allows(list, origin), "{origin}");
        }
        for origin in [
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com:443",
            "https://app.example.com/",
            "https://app.example.com.evil.com",
            "https://evil-app.example.com",
            "https://APP.example.com",
            "https://example.com",
            "http://localhost",
            "http://localhost:30000",
            "http://localhost:300",
            " https://app.example.com",
            "https://app.example.com, http://localhost:3000",
            "null",
            "",
        ] {
            assert!(!allows(list, origin), "{origin}");
        }
    }

    #[test]
    fn e7_a_star_stands_for_exactly_one_label() {
        let list = "https://*.example.com,https://*.dev.example.org:8443";
        for origin in ["https://app.example.com", "https://a-1.example.com", "https://x.dev.example.org:8443"] {
            assert!(allows(list, origin), "{origin}");
        }
        for origin in [
            "https://example.com",
            "https://.example.com",
            "https://a.b.example.com",
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.com",
            "https://evil.com/.example.com",
            "https://evil.com:1.example.com",
            "https://user@x.example.com",
            "https://evil.com#.example.com",
            "https://appexample.com",
            "https://x.dev.example.org",
            "https://x.dev.example.org:84430",
            "https://*.example.com",
        ] {
            assert!(!allows(list, origin), "{origin}");
        }
    }

    #[test]
    fn e7_without_a_list_no_page_passes_and_null_never_does() {
        for list in ["", " , "] {
            assert!(!allows(list, "https://app.example.com"));
            assert!(!allows(list, "http://localhost:8787"));
        }
        assert!(!accepted(&[("DEV_TOKENS", "1")]).allowed_origins.allows("null"));
        assert!(mistake("null").contains("scheme"));
    }

    #[test]
    fn e7_in_development_every_port_of_this_machine_is_on_the_list() {
        let config = accepted(&[("DEV_TOKENS", "1"), ("ALLOWED_ORIGINS", "https://app.example.com")]);
        for origin in [
            "http://localhost",
            "http://localhost:5173",
            "https://localhost:8787",
            "http://127.0.0.1:1",
            "http://[::1]:65535",
            "https://app.example.com",
        ] {
            assert!(config.allowed_origins.allows(origin), "{origin}");
        }
        for origin in [
            "http://localhost.evil.com",
            "http://localhost:",
            "http://localhost:x",
            "http://localhost:65536",
            "http://localhost:80@evil.com",
            "http://localhost@evil.com",
            "http://notlocalhost",
            "ftp://localhost",
            "http://127.0.0.1.evil.com",
            "http://[::1]evil.com",
            "http://evil.com",
        ] {
            assert!(!config.allowed_origins.allows(origin), "{origin}");
        }
    }

    #[test]
    fn e7_an_entry_that_no_browser_would_send_is_a_mistake() {
        for (entry, part) in [
            ("*", "scheme"),
            ("example.com", "scheme"),
            ("https://", "not a name"),
            ("https://example.com/", "path"),
            ("https://example.com/app", "path"),
            ("https://example.com?x", "path"),
            ("https://ann@example.com", "path"),
            ("https://Example.com", "lower case"),
            ("https://exämple.com", "xn--"),
            ("https://exam ple.com", "no spaces"),
            ("https://example.com:443", "leave out the port"),
            ("http://example.com:80", "leave out the port"),
            ("https://example.com:0", "from 1 to 65535"),
            ("https://example.com:65536", "from 1 to 65535"),
            ("https://example.com:", "from 1 to 65535"),
            ("https://example..com", "not a name"),
            ("https://exa*mple.com", "not a name"),
            ("https://a.*.com", "not a name"),
            ("https://[::x]", "not a name"),
            ("https://*", "not a name"),
            ("https://*.com", "at least two"),
            ("https://*.*.example.com", "at least two"),
            ("https://*.", "at least two"),
            ("app://*.example.com", "at least two"),
            ("1s://example.com", "scheme"),
        ] {
            let told = mistake(entry);
            assert!(told.starts_with("ALLOWED_ORIGINS has ") && told.contains(part), "{told}");
        }
    }
}
