//! Attachments, as the platform counts and the shell hands them over.

use crate::hibernated_session::HibernatedSession;

/// How many bytes the platform counts a text as that it is to keep: one for each character if all are below U+0100,
/// else two for each unit of UTF-16, and an envelope.
pub fn v8_bytes(text: &str) -> usize {
    let narrow = text.chars().all(|c| u8::try_from(c).is_ok());
    7 + if narrow { text.chars().count() } else { 2 * text.encode_utf16().count() }
}

/// The head of an attachment, as the shell hands it over.
pub(super) fn head(attachment: &str) -> String {
    let head =
        attachment.get(..HibernatedSession::HEAD).filter(|head| head.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    head.map_or_else(|| " ".repeat(HibernatedSession::HEAD), str::to_owned)
}
