//! Finding objects by their names.

use wasm_bindgen::prelude::*;
use worker::Env;
use worker::js_sys::{Object, Reflect};
use worker::worker_sys::DurableObject;

use super::env::binding;
use crate::door::Place;

/// The binding of the objects that are channels.
pub(super) const CHANNELS: &str = "CHANNELS";
/// The binding of those that are relays; a deployment has it or not.
pub(super) const RELAYS: &str = "RELAYS";

/// The way to an object; the object need not be there yet.
pub(super) fn stub(env: &Env, objects: &str, place: &Place) -> Result<DurableObject, JsValue> {
    let missing = || format!("the binding {objects} is missing");
    let objects = binding(env, objects).ok_or_else(missing)?.unchecked_into::<Namespace>();
    let objects = match place.jurisdiction {
        Some(jurisdiction) => objects.jurisdiction(jurisdiction)?,
        None => objects,
    };
    let Some(hint) = place.location_hint else { return objects.get_by_name(&place.name, &JsValue::UNDEFINED) };
    let options = Object::new();
    Reflect::set(&options, &"locationHint".into(), &hint.into())?;
    objects.get_by_name(&place.name, &options)
}

#[wasm_bindgen]
extern "C" {
    type Namespace;
    #[wasm_bindgen(method, catch)]
    fn jurisdiction(this: &Namespace, name: &str) -> Result<Namespace, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getByName)]
    fn get_by_name(this: &Namespace, name: &str, options: &JsValue) -> Result<DurableObject, JsValue>;
}
