//! Numbers as people read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use maud::{Markup, html};

/// Of a number that is not there.
pub(crate) const NONE: &str = "–";

/// So many digits, or all before the point.
pub(crate) fn digits(value: f64, digits: i32) -> String {
    let before = if value == 0.0 { 1 } else { 1 + value.abs().log10().floor() as i32 };
    let decimals = (digits - before).clamp(0, 4) as usize;
    if value.is_finite() { format!("{value:.decimals$}") } else { NONE.to_owned() }
}

/// Three digits, or all before the point.
pub(crate) fn number(value: f64) -> String {
    digits(value, 3)
}

/// A number that somebody has set, to four decimals, without the zeros that only fill.
pub(crate) fn exact(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A share of 0..=1.
pub(crate) fn percent(share: f64) -> String {
    format!("{}%", number(100.0 * share))
}

/// Hours and minutes, minutes and seconds, or tenths of a second.
pub(crate) fn duration(seconds: f64) -> String {
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if seconds < 60.0 => format!("{:.1} s", time.as_secs_f64()),
        Ok(time) => {
            let unit = if seconds < 3600.0 { 1 } else { 60 };
            let whole = Duration::from_secs(time.as_secs() / unit * unit);
            humantime::format_duration(whole).to_string()
        }
        Err(_) => NONE.to_owned(),
    }
}

/// Thousands, millions and so on of pixels.
pub(crate) fn pixels(count: u64) -> String {
    match count as f64 {
        count if count >= 1e9 => format!("{} Gpx", number(count / 1e9)),
        count => format!("{} Mpx", number(count / 1e6)),
    }
}

/// Bytes in powers of ten.
pub(crate) fn bytes(count: u64) -> String {
    match count as f64 {
        count if count >= 1e9 => format!("{} GB", number(count / 1e9)),
        count => format!("{} MB", number(count / 1e6)),
    }
}

/// A number of things.
pub(crate) fn count(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A point in time, in milliseconds since 1970; the page's script shows it in the reader's own time.
pub(crate) fn time(milliseconds: u64) -> Markup {
    // The year 9999 is the last that has a name.
    let time = Duration::from_millis(milliseconds.min(253_402_300_799_000));
    let time: SystemTime = UNIX_EPOCH + time;
    let text = humantime::format_rfc3339_seconds(time).to_string();
    html! { time datetime=(text) { (text.replace('T', " ").replace('Z', " UTC")) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let texts = [0.0, 0.7, 0.012_345, 1.5, 12.345, 123.4, 12_345.6, -0.81, f64::NAN, f64::INFINITY];
        let expected = ["0.00", "0.700", "0.0123", "1.50", "12.3", "123", "12346", "-0.810", "–", "–"];
        assert_eq!(texts.map(number), expected);
        assert_eq!(percent(0.4567), "45.7%");
        assert_eq!([0.7, 3.0, 100.0 * 0.07, 0.2425, 100.0].map(exact), ["0.7", "3", "7", "0.2425", "100"]);
    }

    #[test]
    fn times() {
        assert_eq!(duration(12.34), "12.3 s");
        assert_eq!([125.9, 3725.9].map(duration), ["2m 5s", "1h 2m"]);
        assert_eq!([duration(f64::NAN), duration(-1.0), duration(f64::MAX)], ["–", "–", "–"]);
        assert!(time(1_800_000_000_000).into_string().contains("2027-01-15 08:00:00 UTC"));
        assert!(time(u64::MAX).into_string().contains("9999-12-31"));
    }
}
