#![doc = include_str!("../README.md")]

mod payload;

use proc_macro::TokenStream;

/// Makes a struct or an enum the type of a payload; `dormouse::payload` tells how.
#[proc_macro_attribute]
pub fn payload(arguments: TokenStream, item: TokenStream) -> TokenStream {
    payload::payload(&arguments.into(), item.into()).into()
}
