//! What `#[dormouse::reasons]` makes of an enum: names for the wire, and what the sender is told.

use proc_macro2::{Delimiter, Ident, Literal, Span, TokenStream, TokenTree};
use quote::quote;

use crate::item::{Mistake, expand};

/// The enum with its implementation of `Reasons`, or with an error that names the mistake.
pub(crate) fn reasons(arguments: &TokenStream, item: &TokenStream) -> TokenStream {
    expand("reasons", arguments, item, |item| {
        let implementation = implementation(item)?;
        Ok(quote!(#[derive(Clone, Copy, Debug)] #item #implementation))
    })
}

/// One variant: its name, and the lines of its doc comment.
struct Reason {
    name: Ident,
    lines: Vec<Literal>,
}

fn implementation(item: &TokenStream) -> Result<TokenStream, Mistake> {
    let (name, body) = enum_of(item)?;
    let reasons = reasons_of(body)?;
    let told = reasons.iter().map(|Reason { name, lines }| {
        let wire = snake_case(&name.to_string());
        match lines.is_empty() {
            true => quote!((#wire, #wire)),
            false => quote!((#wire, ::core::concat!(#(#lines),*))),
        }
    });
    let places = reasons.iter().enumerate().map(|(place, reason)| {
        let variant = &reason.name;
        quote!(Self::#variant => #place)
    });
    Ok(quote! {
        impl ::dormouse::Reasons for #name {
            const ALL: &'static [(&'static str, &'static str)] = &[#(#told),*];

            fn index(&self) -> usize {
                match *self { #(#places),* }
            }
        }
    })
}

/// The name of the enum, and what stands in its braces.
fn enum_of(item: &TokenStream) -> Result<(Ident, TokenStream), Mistake> {
    let mut tokens = item.clone().into_iter().skip_while(|token| !is_keyword(token));
    let here = |token: Option<&TokenTree>| token.map_or_else(Span::call_site, TokenTree::span);
    let no_enum = |at| Mistake::new(at, "`#[dormouse::reasons]` stands on an enum, a variant for each reason");
    let keyword = tokens.next();
    if !matches!(&keyword, Some(TokenTree::Ident(word)) if word == "enum") {
        return Err(no_enum(here(keyword.as_ref())));
    }
    let Some(TokenTree::Ident(name)) = tokens.next() else { return Err(no_enum(here(keyword.as_ref()))) };
    match tokens.next() {
        Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => Ok((name, body.stream())),
        other => Err(Mistake::new(here(other.as_ref()), "an enum of reasons has no generics")),
    }
}

fn is_keyword(token: &TokenTree) -> bool {
    let words = ["enum", "struct", "union", "fn", "impl", "trait", "type", "mod", "const", "static"];
    matches!(token, TokenTree::Ident(word) if words.iter().any(|known| word == known))
}

fn reasons_of(body: TokenStream) -> Result<Vec<Reason>, Mistake> {
    let (mut reasons, mut lines) = (Vec::new(), Vec::new());
    let mut tokens = body.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(_) => {}
            TokenTree::Group(attribute) if attribute.delimiter() == Delimiter::Bracket => {
                lines.extend(doc_line(attribute.stream()));
            }
            TokenTree::Ident(name) => {
                reasons.push(Reason { name, lines: std::mem::take(&mut lines) });
                match tokens.next() {
                    None => break,
                    Some(TokenTree::Punct(comma)) if comma.as_char() == ',' => {}
                    Some(other) => return Err(Mistake::new(other.span(), "a reason has no fields and no number")),
                }
            }
            other => return Err(Mistake::new(other.span(), "this is no reason")),
        }
    }
    Ok(reasons)
}

/// The text of `doc = "…"`.
fn doc_line(attribute: TokenStream) -> Option<Literal> {
    let mut tokens = attribute.into_iter();
    let is_doc = matches!(tokens.next(), Some(TokenTree::Ident(word)) if word == "doc");
    match tokens.nth(1) {
        Some(TokenTree::Literal(line)) if is_doc => Some(line),
        _ => None,
    }
}

/// `NotStaff` as `not_staff`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(item: &str) -> String {
        let item: TokenStream = item.parse().unwrap();
        reasons(&TokenStream::new(), &item).to_string().replace(' ', "")
    }

    #[test]
    fn c4_a_reason_is_told_by_its_name_and_what_its_comment_says() {
        let told = expanded("pub enum No { /// You are muted.\n Muted, NotStaff }");
        assert!(told.contains(r#"("muted",::core::concat!("Youaremuted."))"#), "{told}");
        assert!(told.contains(r#"("not_staff","not_staff")"#), "{told}");
        assert!(told.contains("Self::Muted=>0usize,Self::NotStaff=>1usize"), "{told}");
    }

    #[test]
    fn c4_a_mistake_in_the_reasons_is_named_where_it_stands() {
        for (item, what) in [
            ("struct No;", "standsonanenum"),
            ("fn no() {}", "standsonanenum"),
            ("enum No<T> { A }", "nogenerics"),
            ("enum No { Muted(u64) }", "nofields"),
            ("enum No { Muted = 3 }", "nofields"),
            ("", "standsonanenum"),
        ] {
            let told = expanded(item);
            assert!(told.contains("compile_error") && told.contains(what), "{item}: {told}");
        }
    }
}
