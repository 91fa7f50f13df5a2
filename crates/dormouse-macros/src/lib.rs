#![doc = include_str!("../README.md")]

mod answer;
mod item;
mod payload;
mod reasons;
mod state;

use proc_macro::TokenStream;

/// Makes a struct or an enum what a job is answered; `dormouse::answer` tells how.
#[proc_macro_attribute]
pub fn answer(arguments: TokenStream, item: TokenStream) -> TokenStream {
    answer::answer(&arguments.into(), &item.into()).into()
}

/// Makes a struct or an enum the type of a payload; `dormouse::payload` tells how.
#[proc_macro_attribute]
pub fn payload(arguments: TokenStream, item: TokenStream) -> TokenStream {
    payload::payload(&arguments.into(), &item.into()).into()
}

/// Makes an enum the reasons for which handlers refuse something; `dormouse::reasons` tells how.
#[proc_macro_attribute]
pub fn reasons(arguments: TokenStream, item: TokenStream) -> TokenStream {
    reasons::reasons(&arguments.into(), &item.into()).into()
}

/// Makes a struct or an enum the state that handlers keep; `dormouse::state` tells how.
#[proc_macro_attribute]
pub fn state(arguments: TokenStream, item: TokenStream) -> TokenStream {
    state::state(&arguments.into(), &item.into()).into()
}
