//! Scripts that once found something wrong, as short as they still found it.
