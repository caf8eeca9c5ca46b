//! The time of a signature: `X-Amz-Date`, or `Date` in its absence.

use crate::clock::{Timestamp, from_civil};

use super::header::Singles;
use super::refusal::{Refusal, quoted};

/// A time with its form in the string to sign, `20150830T123600Z`.
pub(super) type Stamped = (Timestamp, String);

/// The time in the headers. `X-Amz-Date` wins and must be in the basic ISO 8601 format; `Date` may be in RFC 9110's format
/// too.
pub(super) fn from_headers(headers: &Singles<'_>) -> Result<Stamped, Refusal> {
    if let Some(text) = headers.amz_date.text()? {
        return basic(text);
    }
    let text = headers.date.text()?.ok_or(Refusal::MissingDate)?;
    let time = Timestamp::parse_compact(text).or_else(|| Timestamp::parse_iso8601(text)).or_else(|| parse_http(text));
    time.map(|time| (time, time.compact())).ok_or_else(|| Refusal::DateFormat(quoted(text)))
}

/// The basic ISO 8601 format, which is that of the string to sign already.
pub(super) fn basic(text: &str) -> Result<Stamped, Refusal> {
    let time = Timestamp::parse_compact(text).ok_or_else(|| Refusal::DateFormat(quoted(text)))?;
    Ok((time, text.to_owned()))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`. The weekday is not compared with the date: clients are known to get it wrong, and the
/// signature covers the moment, not its name.
fn parse_http(text: &str) -> Option<Timestamp> {
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut words = text.split_ascii_whitespace();
    let (day, month, year, time, zone) = (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = i64::try_from(months.iter().position(|m| *m == month)?).ok()? + 1;
    let mut clock = time.split(':');
    let (hour, minute, second) = (clock.next()?, clock.next()?, clock.next()?);
    let utc = matches!(zone, "GMT" | "UTC" | "Z" | "+0000" | "-0000");
    if !utc || words.next().is_some() || clock.next().is_some() || year.len() != 4 {
        return None;
    }
    from_civil(number(year)?, month, number(day)?, number(hour)?, number(minute)?, number(second)?)
}

fn number(text: &str) -> Option<i64> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_amz_date_wins() {
        let headers: [(&str, &[u8]); 2] =
            [("Date", b"Mon, 09 Sep 2011 23:36:00 GMT"), ("X-Amz-Date", b" 20150830T123600Z ")];
        assert_eq!(from_headers(&Singles::of(&headers)).unwrap().1, "20150830T123600Z");
    }

    #[test]
    fn date_is_read_in_its_formats() {
        for text in
            ["Mon, 09 Sep 2011 23:36:00 GMT", "9 Sep 2011 23:36:00 -0000", "20110909T233600Z", "2011-09-09T23:36:00Z"]
        {
            assert_eq!(
                from_headers(&Singles::of(&[("date", text.as_bytes())])).unwrap().1,
                "20110909T233600Z",
                "{text}"
            );
        }
        for text in
            ["", "Mon, 09 Sep 2011 23:36:00 +0200", "Mon, 31 Sep 2011 23:36:00 GMT", "Mon, 09 Sep 11 23:36:00 GMT"]
        {
            assert!(
                matches!(from_headers(&Singles::of(&[("date", text.as_bytes())])), Err(Refusal::DateFormat(_))),
                "{text}"
            );
        }
        assert_eq!(from_headers(&Singles::of(&[])), Err(Refusal::MissingDate));
        assert!(matches!(
            from_headers(&Singles::of(&[("x-amz-date", b"2011-09-09T23:36:00Z")])),
            Err(Refusal::DateFormat(_))
        ));
    }
}
