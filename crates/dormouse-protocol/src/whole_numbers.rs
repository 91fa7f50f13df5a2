//! Whole numbers of a text, held against the doubles that they are read as (rule R4).

/// Whether a double holds each whole number of a text that is JSON.
pub(super) fn holds_whole_numbers(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        let Some((_, found)) = rest.split_at_checked(at) else { return false };
        if let Some(string) = found.strip_prefix('"') {
            rest = behind_string(string);
            continue;
        }
        let end = found.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(found.len());
        let Some((number, behind)) = found.split_at_checked(end) else { return false };
        if !is_held(number) {
            return false;
        }
        rest = behind;
    }
    true
}

/// Whether a number is no whole one, or is a double: exactly, or as every double is written that is read back as the
/// same. So all that `JSON.stringify` makes of a number passes. How it is written says nothing: 1e3 and 1000.0 are one.
fn is_held(number: &str) -> bool {
    let Some(whole) = Decimal::of(number).filter(Decimal::is_whole) else { return true };
    number.parse::<f64>().is_ok_and(|double| {
        let exactly = Decimal::of(&format!("{double:.0}"));
        exactly.as_ref() == Some(&whole) || Decimal::of(&format!("{double:e}")).as_ref() == Some(&whole)
    })
}

/// What a number is, however it is written: its digits without zeros around them, and the power of ten of the last.
#[derive(PartialEq, Eq)]
struct Decimal {
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a number of JSON; the sign is left aside. `None` for one whose exponent is beyond all that is read.
    fn of(number: &str) -> Option<Self> {
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.trim_start_matches('-').split_once('.').unwrap_or((mantissa, ""));
        let all = [whole.trim_start_matches('-'), fraction].concat();
        let digits = all.trim_end_matches('0');
        let behind = i64::try_from(all.len().saturating_sub(digits.len())).ok()?;
        let fraction = i64::try_from(fraction.len()).ok()?;
        let exponent = exponent.parse::<i64>().ok()?.checked_sub(fraction)?.checked_add(behind)?;
        Some(Self { digits: digits.trim_start_matches('0').to_owned(), exponent })
    }

    const fn is_whole(&self) -> bool {
        self.exponent >= 0 && !self.digits.is_empty()
    }
}

fn behind_string(text: &str) -> &str {
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.and_then(|end| text.get(end.saturating_add(1)..)).unwrap_or_default()
}
