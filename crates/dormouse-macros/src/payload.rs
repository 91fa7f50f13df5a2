//! What `#[dormouse::payload]` puts before an item.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

/// The item with its derives, or with an error that names the mistake.
pub(crate) fn payload(arguments: &TokenStream, item: TokenStream) -> TokenStream {
    match attributes(arguments, &item) {
        Ok(attributes) => quote!(#attributes #item),
        // The item stays as it is, so that what uses it is not called unknown too.
        Err(Mistake { at, text }) => quote_spanned!(at=> ::core::compile_error! { #text } #item),
    }
}

/// What is wrong with the use of the attribute, and where.
struct Mistake {
    at: Span,
    text: String,
}

impl Mistake {
    fn new(at: Span, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }
}

/// The attributes that the item is to have besides its own. What it has already is left out: twice would be a mistake.
fn attributes(arguments: &TokenStream, item: &TokenStream) -> Result<TokenStream, Mistake> {
    if let Some(argument) = arguments.clone().into_iter().next() {
        return Err(Mistake::new(argument.span(), "`#[dormouse::payload]` takes no arguments"));
    }
    let item = Item::of(item)?;
    let derives = [
        ("Debug", quote!(::core::fmt::Debug)),
        ("Deserialize", quote!(::dormouse::__payload::serde::Deserialize)),
        ("JsonSchema", quote!(::dormouse::__payload::schemars::JsonSchema)),
        ("Validate", quote!(::dormouse::__payload::garde::Validate)),
    ];
    let derives = derives.into_iter().filter(|(name, _)| !item.has("derive", name)).map(|(_, path)| path);
    let mut attributes = quote!(#[derive(#(#derives),*)]);
    if !item.has("serde", "crate") {
        attributes.extend(quote!(#[serde(crate = "::dormouse::__payload::serde")]));
    }
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

/// What is read of an item: the attributes that stand before it.
struct Item(Vec<Group>);

impl Item {
    fn of(item: &TokenStream) -> Result<Self, Mistake> {
        let mut attributes = Vec::new();
        for token in item.clone() {
            match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => attributes.push(group),
                // The `#` of an attribute, and what stands in brackets after `pub`.
                TokenTree::Punct(_) | TokenTree::Group(_) => {}
                TokenTree::Ident(word) if word == "pub" => {}
                TokenTree::Ident(word) if word == "struct" || word == "enum" => return Ok(Self(attributes)),
                other => return Err(Mistake::new(other.span(), no_payload(&other))),
            }
        }
        Err(Mistake::new(Span::call_site(), no_payload_but("nothing")))
    }

    /// Whether the item has an attribute of this name with this word in it: `#[serde(deny_unknown_fields)]`.
    fn has(&self, name: &str, word: &str) -> bool {
        self.0.iter().any(|attribute| {
            let mut tokens = attribute.stream().into_iter();
            let named = matches!(tokens.next(), Some(TokenTree::Ident(own)) if own == name);
            let Some(TokenTree::Group(inner)) = tokens.next().filter(|_| named) else { return false };
            inner.stream().into_iter().any(|token| matches!(token, TokenTree::Ident(own) if own == word))
        })
    }
}

/// What is said of an item that begins with this token.
fn no_payload(first: &TokenTree) -> String {
    let kind = match first.to_string().as_str() {
        "union" => "a union, of which JSON cannot tell which field it holds",
        "fn" | "async" | "const" | "unsafe" | "extern" => "a function or a constant",
        "impl" => "an impl",
        "type" => "a type's other name: put it on the type itself",
        "trait" => "a trait",
        "mod" => "a module: put it on each type in it",
        _ => "something else",
    };
    no_payload_but(kind)
}

fn no_payload_but(kind: &str) -> String {
    format!("`#[dormouse::payload]` stands on a struct or an enum; this is {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(item: &str) -> String {
        let item: TokenStream = item.parse().unwrap();
        payload(&TokenStream::new(), item).to_string().replace(' ', "")
    }

    #[test]
    fn f3_a_payload_has_the_four_derives_and_lets_no_unknown_field_pass() {
        for item in
            ["pub struct Say { pub text: String }", "/// Doc.\n#[serde(tag = \"kind\")] pub(crate) enum Shape { A }"]
        {
            let told = expanded(item);
            for part in [
                "::core::fmt::Debug",
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
            quote!(
                struct Say;
            ),
        )
        .to_string();
        assert!(with.contains("takes no arguments"), "{with}");
    }
}
