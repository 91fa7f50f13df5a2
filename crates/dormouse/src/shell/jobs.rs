//! Jobs: what the application's code asks of other servers and of bindings (rule C7).

use std::rc::Rc;
use std::time::Duration;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::Env;
use worker::js_sys::{Array, Promise};

use super::channel::Channel;
use super::env::binding;
use super::host::Host;
use dormouse_core::contract::{ANSWER_BYTES_MAX, Application, BindingCall, HttpCall, JobAnswer, JobRequest, Outside};

#[expect(clippy::cast_possible_truncation, reason = "262,144, known at build time")]
const ANSWER_BYTES: u32 = ANSWER_BYTES_MAX as u32;

impl<A: Application + 'static> Host<Channel<A>> {
    /// Tries a job. The platform keeps the object in memory until its answer is there.
    pub(super) fn run_job(self: Rc<Self>, job: JobRequest) -> Result<(), JsValue> {
        let ctx = self.ctx.clone();
        let asked = future_to_promise(async move {
            let JobRequest { key, call } = job;
            let answer = match call {
                Outside::Http(call) => ask_server(&self.env, &key, &call).await,
                Outside::Binding(call) => ask_binding(&self.env, &call).await,
            };
            self.job_answered(&key, answer);
            Ok(JsValue::UNDEFINED)
        });
        wait_until(&ctx, &asked)
    }

    fn job_answered(&self, key: &str, answer: JobAnswer) {
        match self.awake() {
            Ok(mut awake) => {
                let effects = awake.turn(|guest, turn| guest.machine.job_answered(turn, key, answer));
                self.apply(&mut awake, effects);
            }
            // It is tried again when it is due.
            Err(trouble) => drop(self.report(&trouble)),
        }
    }
}

async fn ask_server(env: &Env, key: &str, call: &HttpCall) -> JobAnswer {
    let headers = match headers(env, call) {
        Ok(headers) => headers,
        Err(missing) => return JobAnswer::Failed(format!("the secret {missing} is not set")),
    };
    let (names, values) = (Array::new(), Array::new());
    for (name, value) in
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([("Idempotency-Key", key)])
    {
        names.push(&name.into());
        values.push(&value.into());
    }
    let body = call.body().map_or(JsValue::UNDEFINED, JsValue::from_str);
    let ms = milliseconds(call.patience());
    read(ask(call.method(), call.url(), &names, &values, &body, ms, ANSWER_BYTES).await)
}

async fn ask_binding(env: &Env, call: &BindingCall) -> JobAnswer {
    let Ok(methods) = serde_json::to_string(call.methods()) else {
        return JobAnswer::Failed("what is asked cannot be JSON".to_owned());
    };
    let name = call.binding();
    let Some(binding) = binding(env, name) else {
        return JobAnswer::Failed(format!("there is no binding {name}: add it to wrangler.toml"));
    };
    if binding.as_string().is_some() {
        return JobAnswer::Failed(format!("{name} is a variable or a secret, and no binding"));
    }
    read(call_binding(&binding, &methods, milliseconds(call.patience()), ANSWER_BYTES).await)
}

fn milliseconds(patience: Duration) -> u32 {
    u32::try_from(patience.as_millis()).unwrap_or(u32::MAX)
}

/// All headers; or which secret is missing.
fn headers(env: &Env, call: &HttpCall) -> Result<Vec<(String, String)>, String> {
    let secret = |(name, variable): &(String, String)| {
        let value = binding(env, variable).and_then(|value| value.as_string());
        value.map(|value| (name.clone(), value)).ok_or_else(|| variable.clone())
    };
    let secrets: Vec<_> = call.secrets().iter().map(secret).collect::<Result<_, _>>()?;
    Ok([call.headers(), &secrets].concat())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a status, and a float cast saturates")]
fn read(answer: Result<JsValue, JsValue>) -> JobAnswer {
    let Ok(answer) = answer else { return JobAnswer::Failed("the platform did not ask".to_owned()) };
    if let Some(why) = answer.as_string() {
        return JobAnswer::Failed(why);
    }
    let answer = Array::from(&answer);
    let status = answer.get(0).as_f64().unwrap_or_default() as u16;
    JobAnswer::Answered { status, body: answer.get(1).as_string().unwrap_or_default() }
}

#[wasm_bindgen(module = "/src/shell/jobs.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn ask(
        method: &str,
        url: &str,
        names: &Array,
        values: &Array,
        body: &JsValue,
        ms: u32,
        bytes: u32,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn call_binding(binding: &JsValue, methods: &str, ms: u32, bytes: u32) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    fn wait_until(ctx: &JsValue, promise: &Promise) -> Result<(), JsValue>;
}
