//! Numbers as a person reads them.

use bytesize::ByteSize;

/// Bytes with a binary unit, such as `1.5 GiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    ByteSize(bytes).to_string()
}

/// So many things: `1 tile`, `2 tiles`.
pub(crate) fn count(number: impl Into<u64>, thing: &str) -> String {
    let number = number.into();
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A number with at most four decimal places.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Seconds as `45 s`, `3 min 20 s` or `2 h 5 min`.
pub(crate) fn seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.25, 4.0, 2.000_551, 352.777_78].map(super::number),
            ["0.25", "4", "2.0006", "352.7778"]
        );
        assert_eq!([0_u64, 1, 2].map(|n| super::count(n, "tile")), ["0 tiles", "1 tile", "2 tiles"]);
    }

    #[test]
    fn units_change_where_they_should() {
        assert_eq!([0, 1023, 1024, 1536 << 20].map(super::bytes), ["0 B", "1023 B", "1.0 KiB", "1.5 GiB"]);
        assert_eq!(
            [0.25, 59.0, 200.0, 7500.0].map(super::seconds),
            ["0.2 s", "59 s", "3 min 20 s", "2 h 5 min"]
        );
    }
}
