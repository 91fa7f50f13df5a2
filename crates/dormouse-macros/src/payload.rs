//! What `#[dormouse::payload]` puts before an item.

use proc_macro2::TokenStream;
use quote::quote;

use crate::item::{Item, Mistake, expand};

/// The item with its derives, or with an error that names the mistake.
pub(crate) fn payload(arguments: &TokenStream, item: &TokenStream) -> TokenStream {
    expand("payload", arguments, item, |item| {
        let attributes = attributes(item)?;
        Ok(quote!(#attributes #item))
    })
}

/// The attributes that the item is to have besides its own.
fn attributes(item: &TokenStream) -> Result<TokenStream, Mistake> {
    let item = Item::of(item, "payload")?;
    let derives = [
        ("Debug", quote!(::core::fmt::Debug)),
        ("Serialize", quote!(::dormouse::__payload::serde::Serialize)),
        ("Deserialize", quote!(::dormouse::__payload::serde::Deserialize)),
        ("JsonSchema", quote!(::dormouse::__payload::schemars::JsonSchema)),
        ("Validate", quote!(::dormouse::__payload::garde::Validate)),
    ];
    let mut attributes = item.derive(&derives);
    if !item.has("schemars", "crate") {
        attributes.extend(quote!(#[schemars(crate = "::dormouse::__payload::schemars")]));
    }
    if !item.has("serde", "deny_unknown_fields") {
        attributes.extend(quote!(#[serde(deny_unknown_fields)]));
    }
    if !item.has("garde", "allow_unvalidated") {
        attributes.extend(quote!(#[garde(allow_unvalidated)]));
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(item: &str) -> String {
        let item: TokenStream = item.parse().unwrap();
        payload(&TokenStream::new(), &item).to_string().replace(' ', "")
    }

    #[test]
    fn f3_a_payload_has_the_five_derives_and_lets_no_unknown_field_pass() {
        for item in
            ["pub struct Say { pub text: String }", "/// Doc.\n#[serde(tag = \"kind\")] pub(crate) enum Shape { A }"]
        {
            let told = expanded(item);
            for part in [
                "::core::fmt::Debug",
                "::dormouse::__payload::serde::Serialize",
                "::dormouse::__payload::serde::Deserialize",
                "::dormouse::__payload::schemars::JsonSchema",
                "::dormouse::__payload::garde::Validate",
                "#[serde(deny_unknown_fields)]",
                "#[garde(allow_unvalidated)]",
            ] {
                assert_eq!(told.matches(part).count(), 1, "{part} in {told}");
            }
            assert!(told.ends_with(&item.parse::<TokenStream>().unwrap().to_string().replace(' ', "")), "{told}");
        }
    }

    #[test]
    fn f3_what_an_item_has_already_it_is_not_given_again() {
        let told =
            expanded("#[derive(Clone, Debug)] #[serde(rename_all = \"camelCase\", deny_unknown_fields)] struct Say;");
        assert!(!told.contains("::core::fmt::Debug") && told.matches("deny_unknown_fields").count() == 1, "{told}");
    }

    #[test]
    fn f3_a_mistake_is_named_where_it_stands() {
        let told = |item: &str| expanded(item).contains("compile_error");
        for (item, what) in [
            ("union U { a: u8 }", "aunion"),
            ("pub fn say() {}", "afunctionoraconstant"),
            ("impl Say {}", "animpl"),
            ("type Say = String;", "atype'sothername"),
            ("mod say {}", "amodule"),
            ("", "nothing"),
        ] {
            assert!(told(item) && expanded(item).contains(&format!("thisis{what}")), "{}", expanded(item));
        }
        let with = payload(
            &quote!(debug),
            &quote!(
                struct Say;
            ),
        )
        .to_string();
        assert!(with.contains("takes no arguments"), "{with}");
    }
}
