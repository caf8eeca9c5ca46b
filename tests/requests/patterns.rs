//! Every pattern of the model against the simple-minded reading of it, without a broker.

use brevet::wire::model::{Model, Service};

use super::dialect::{ALPHABET, Part};
use super::dice::Dice;

#[test]
fn brevet_reads_every_published_pattern_as_it_is_written() {
    let (mut matching, mut others) = (0, 0);
    for pattern in [Service::Iam, Service::Sts].map(Model::of).into_iter().flat_map(Model::patterns) {
        let part = Part::read(pattern.source());
        let mut dice = Dice::of(pattern.source());
        let mut texts: Vec<String> = ALPHABET.chars().map(String::from).collect();
        texts.push(String::new());
        for length in 1..60 {
            let Some(text) = part.of_length(length, &mut dice) else { continue };
            assert!(pattern.matches(&text), "{} has {text:?}", pattern.source());
            // The same with one more character somewhere, and without one.
            let chars: Vec<char> = text.chars().collect();
            let (at, c) = (dice.below(chars.len() + 1), dice.pick(&ALPHABET.chars().collect::<Vec<_>>()));
            texts.push(chars[..at].iter().chain([&c]).chain(&chars[at..]).collect());
            texts.push(chars[..at.min(length - 1)].iter().collect());
            texts.push(text);
        }
        assert!(texts.len() > 100 || part.of_length(12, &mut dice).is_some(), "{} has nothing", pattern.source());
        for text in texts {
            let expected = part.matches(&text);
            assert_eq!(pattern.matches(&text), expected, "{} and {text:?}", pattern.source());
            *if expected { &mut matching } else { &mut others } += 1;
        }
    }
    assert!(matching > 2_000 && others > 2_000, "{matching} {others}");
}

#[test]
fn the_reading_itself_is_right() {
    for (pattern, inside, outside) in [
        (r"[\w+=,.@-]+", &["a", "+-@", "Z_9"][..], &["", " ", "a/", "é"][..]),
        (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", &["/", "/a/", "/a/b/", "///"], &["", "//x", "a/", "/ /"]),
        (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", &["abc", "a-b", "a-b-c"], &["ab", "a--b", "-ab", "ab-", "A-b"]),
        (r"((/[A-Za-z0-9\.,\+@=_-]+)*)/", &["/", "/a/", "/a,b/c/"], &["", "//", "/a", "/a b/"]),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", &["", "é 東٣", "-"], &["€", "\t", "&", "\u{301}"]),
        (
            r"^o-[0-9a-z]{10,32}\/r-[0-9a-z]{4,32}[0-9a-z-\/]*",
            &["o-0123456789/r-abcd/-"],
            &["o-012345678/r-abcd", "o-0123456789"],
        ),
        (r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?", &["v1", "v10.", "v2.a-"], &["v0", "1", "v", "v1.."]),
        (r"[\u0009\u000A\u000D\u0020-\u00FF]+", &["\t\n\r \u{80}ÿ"], &["\u{1f}", "\u{100}", ""]),
        (r"\d{12}", &["012345678901"], &["01234567890", "0123456789012", "01234567890a"]),
    ] {
        let part = Part::read(pattern);
        inside.iter().for_each(|text| assert!(part.matches(text), "{pattern} {text:?}"));
        outside.iter().for_each(|text| assert!(!part.matches(text), "{pattern} {text:?}"));
    }
}
