//! What `#[dormouse::state]` puts before an item.

use proc_macro2::TokenStream;
use quote::quote;

use crate::item::{Item, Mistake, expand};

/// The item with its derives, or with an error that names the mistake.
pub(crate) fn state(arguments: &TokenStream, item: &TokenStream) -> TokenStream {
    expand("state", arguments, item, |item| {
        let attributes = attributes(item)?;
        Ok(quote!(#attributes #item))
    })
}

/// The attributes that the item is to have besides its own.
fn attributes(item: &TokenStream) -> Result<TokenStream, Mistake> {
    let item = Item::of(item, "state")?;
    let derives = [
        ("Clone", quote!(::core::clone::Clone)),
        ("Debug", quote!(::core::fmt::Debug)),
        ("Default", quote!(::core::default::Default)),
        ("Serialize", quote!(::dormouse::__payload::serde::Serialize)),
        ("Deserialize", quote!(::dormouse::__payload::serde::Deserialize)),
    ];
    let mut attributes = item.derive(&derives);
    // A field that this release adds is not in what the one before has written.
    if item.is_struct() && !item.has("serde", "default") {
        attributes.extend(quote!(#[serde(default)]));
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(item: &str) -> String {
        let item: TokenStream = item.parse().unwrap();
        state(&TokenStream::new(), &item).to_string().replace(' ', "")
    }

    #[test]
    fn c2_a_state_reads_what_the_release_before_and_the_one_after_have_written() {
        let told = expanded("struct Room { count: u64 }");
        assert!(told.contains("#[serde(default)]") && !told.contains("deny_unknown_fields"), "{told}");
        let told = expanded("enum Stage { #[default] Open, Closed }");
        assert!(!told.contains("#[serde(default)]"), "{told}");
    }

    #[test]
    fn c2_a_state_that_is_no_type_is_refused_by_name() {
        let told = expanded("fn room() {}");
        assert!(told.contains("compile_error") && told.contains("#[dormouse::state]"), "{told}");
    }
}
