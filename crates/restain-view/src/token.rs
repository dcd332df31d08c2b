//! Who knows the token may look.

use std::fmt::{self, Write as _};

use subtle::ConstantTimeEq;

use crate::{Error, Result};

/// Fewer characters could be guessed.
const SHORTEST: usize = 16;

/// The secret part of the URL.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// 128 random bits.
    pub fn random() -> Self {
        let mut digits = String::new();
        for byte in rand::random::<[u8; 16]>() {
            let _ = write!(digits, "{byte:02x}");
        }
        Self(digits)
    }

    /// A token of one's own choice.
    ///
    /// # Errors
    /// [`Error::Token`] where it is shorter than 16 characters or has others than letters, digits, `-` and `_`.
    pub fn new(token: impl Into<String>) -> Result<Self> {
        let token = token.into();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if token.len() >= SHORTEST && token.bytes().all(plain) { Ok(Self(token)) } else { Err(Error::Token) }
    }

    /// Its characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `offered` is this token, in a time that does not tell how much of it is right.
    pub(crate) fn is(&self, offered: &str) -> bool {
        self.0.as_bytes().ct_eq(offered.as_bytes()).into()
    }
}

/// Without its characters, so that no log has them.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_tokens_have_128_bits_and_differ() {
        let (a, b) = (Token::random(), Token::random());
        assert_eq!(a.as_str().len(), 32);
        assert!(a.as_str().bytes().all(|digit| digit.is_ascii_hexdigit()));
        assert!(a.is(a.as_str()) && !a.is(b.as_str()) && !a.is(&a.as_str()[..31]) && !a.is(""));
    }

    #[test]
    fn a_chosen_token_is_long_and_fits_a_url() {
        assert!(Token::new("night-run_2024-x").is_ok());
        for bad in ["", "short", "sixteen/letters/", "sixteen letters!", "../../../../../../"] {
            assert!(matches!(Token::new(bad), Err(Error::Token)), "{bad}");
        }
    }
}
