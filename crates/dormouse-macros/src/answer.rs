//! What `#[dormouse::answer]` puts before an item.

use proc_macro2::TokenStream;
use quote::quote;

use crate::item::{Item, expand};

/// The item with its derives, or with an error that names the mistake.
pub(crate) fn answer(arguments: &TokenStream, item: &TokenStream) -> TokenStream {
    expand("answer", arguments, item, |item| {
        let attributes = Item::of(item, "answer")?.derive(&[
            ("Clone", quote!(::core::clone::Clone)),
            ("Debug", quote!(::core::fmt::Debug)),
            ("Serialize", quote!(::dormouse::__payload::serde::Serialize)),
            ("Deserialize", quote!(::dormouse::__payload::serde::Deserialize)),
        ]);
        Ok(quote!(#attributes #item))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c7_an_answer_is_read_by_what_it_names_and_is_no_payload() {
        let told = answer(
            &TokenStream::new(),
            &quote!(
                struct Kept {
                    success: bool,
                }
            ),
        )
        .to_string();
        assert!(
            told.contains("Deserialize") && !told.contains("deny_unknown_fields") && !told.contains("default"),
            "{told}"
        );
    }

    #[test]
    fn c7_an_answer_that_is_no_type_is_refused_by_name() {
        let told = answer(
            &TokenStream::new(),
            &quote!(
                fn kept() {}
            ),
        )
        .to_string();
        assert!(told.contains("compile_error") && told.contains("#[dormouse::answer]"), "{told}");
    }
}
