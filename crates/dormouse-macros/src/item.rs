//! The item that an attribute stands on, as far as it is read.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

/// What is wrong with the use of the attribute, and where.
pub(crate) struct Mistake {
    pub(crate) at: Span,
    pub(crate) text: String,
}

impl Mistake {
    pub(crate) fn new(at: Span, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }
}

/// What an attribute of ours makes of its item. Where it is wrong the item stays as it is, so that what uses it is not
/// called unknown too.
pub(crate) fn expand(
    attribute: &str,
    arguments: &TokenStream,
    item: &TokenStream,
    make: impl FnOnce(&TokenStream) -> Result<TokenStream, Mistake>,
) -> TokenStream {
    let made = match arguments.clone().into_iter().next() {
        Some(argument) => Err(Mistake::new(argument.span(), format!("`#[dormouse::{attribute}]` takes no arguments"))),
        None => make(item),
    };
    made.unwrap_or_else(|Mistake { at, text }| quote_spanned!(at=> ::core::compile_error! { #text } #item))
}

/// What is read of an item: the attributes that stand before it.
pub(crate) struct Item {
    attributes: Vec<Group>,
    is_struct: bool,
}

impl Item {
    /// The item that an attribute of this name stands on.
    pub(crate) fn of(item: &TokenStream, attribute: &str) -> Result<Self, Mistake> {
        let mut attributes = Vec::new();
        for token in item.clone() {
            match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => attributes.push(group),
                // The `#` of an attribute, and what stands in brackets after `pub`.
                TokenTree::Punct(_) | TokenTree::Group(_) => {}
                TokenTree::Ident(word) if word == "pub" => {}
                TokenTree::Ident(word) if word == "struct" || word == "enum" => {
                    return Ok(Self { attributes, is_struct: word == "struct" });
                }
                other => return Err(Mistake::new(other.span(), no_item(attribute, &other))),
            }
        }
        Err(Mistake::new(Span::call_site(), no_item_but(attribute, "nothing")))
    }

    /// Whether it is a struct.
    pub(crate) const fn is_struct(&self) -> bool {
        self.is_struct
    }

    /// The derives that the item is to have besides its own, and where serde is found. What it has already is left out: twice
    /// would be a mistake.
    pub(crate) fn derive(&self, wanted: &[(&str, TokenStream)]) -> TokenStream {
        let missing = wanted.iter().filter(|(name, _)| !self.has("derive", name)).map(|(_, path)| path);
        let found = (!self.has("serde", "crate")).then(|| quote!(#[serde(crate = "::dormouse::__payload::serde")]));
        quote!(#[derive(#(#missing),*)] #found)
    }

    /// Whether the item has an attribute of this name with this word in it: `#[serde(deny_unknown_fields)]`.
    pub(crate) fn has(&self, name: &str, word: &str) -> bool {
        self.attributes.iter().any(|attribute| {
            let mut tokens = attribute.stream().into_iter();
            let named = matches!(tokens.next(), Some(TokenTree::Ident(own)) if own == name);
            let Some(TokenTree::Group(inner)) = tokens.next().filter(|_| named) else { return false };
            inner.stream().into_iter().any(|token| matches!(token, TokenTree::Ident(own) if own == word))
        })
    }
}

/// What is said of an item that begins with this token.
fn no_item(attribute: &str, first: &TokenTree) -> String {
    let kind = match first.to_string().as_str() {
        "union" => "a union, of which JSON cannot tell which field it holds",
        "fn" | "async" | "const" | "unsafe" | "extern" => "a function or a constant",
        "impl" => "an impl",
        "type" => "a type's other name: put it on the type itself",
        "trait" => "a trait",
        "mod" => "a module: put it on each type in it",
        _ => "something else",
    };
    no_item_but(attribute, kind)
}

fn no_item_but(attribute: &str, kind: &str) -> String {
    format!("`#[dormouse::{attribute}]` stands on a struct or an enum; this is {kind}")
}
