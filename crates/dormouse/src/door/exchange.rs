//! The one way by which objects call each other. It begins in an object and nowhere else: the Worker hands on what the
//! door has decided is for a channel or a relay, and to the door this path leads nowhere.

use super::Call;

/// The URL that objects call each other at; an object is found by its stub, and no host is asked.
pub const EXCHANGE_URL: &str = "http://dormouse/v1/exchange";

const EXCHANGE_PATH: &str = "/v1/exchange";

/// Whether this is a call between objects. Only what has come to an object is asked this.
pub fn is_exchange(call: &Call<'_>) -> bool {
    call.method == "POST" && call.path == EXCHANGE_PATH
}
