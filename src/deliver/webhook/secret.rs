//! The keys that sign webhooks, as the Standard Webhooks specification writes them.

use std::fmt;
use std::path::Path;
use thiserror::Error;

/// Most keys that sign at once.
pub const SECRETS_MAX: usize = 4;

const PREFIX: &str = "whsec_";
/// A key's length in bytes: Standard Webhooks 1.0.0, section "Signature scheme".
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// No honest file of secrets is longer.
const FILE_MAX_BYTES: u64 = 4_096;

/// 1 to [`SECRETS_MAX`] symmetric keys. While a key is being replaced, both the new and the old one sign, so that
/// the receiver may change over at any time.
pub struct Secrets {
    keys: Vec<standardwebhooks::Webhook>,
}

impl fmt::Debug for Secrets {
    /// Says how many there are and nothing else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.keys.len())
    }
}

impl Secrets {
    /// Reads a file with one secret a line: `whsec_` and the base64 of 24 to 64 bytes. Empty lines and those that
    /// begin with `#` are passed over.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let shown = || path.display().to_string();
        let size = std::fs::metadata(path).map_err(|source| SecretError::Read { path: shown(), source })?.len();
        if size > FILE_MAX_BYTES {
            let problem = format!("has {size} bytes; at most {FILE_MAX_BYTES} are allowed");
            return Err(SecretError::Invalid { path: shown(), problem });
        }
        let text = std::fs::read_to_string(path).map_err(|source| SecretError::Read { path: shown(), source })?;
        Self::parse(&text).map_err(|problem| SecretError::Invalid { path: shown(), problem })
    }

    /// Parses the text of such a file; the error says what is wrong without showing the secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).enumerate();
        let keys = lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(index, line)| key(line).map_err(|problem| format!("line {}: {problem}", index + 1)))
            .collect::<Result<Vec<_>, _>>()?;
        if (1..=SECRETS_MAX).contains(&keys.len()) {
            Ok(Self { keys })
        } else {
            Err(format!("has {} secrets; must have 1 to {SECRETS_MAX}", keys.len()))
        }
    }

    /// The value of `webhook-signature`: one signature for each key over id, time and body, the first key's first.
    /// `at` is in seconds since the Unix epoch. The body is UTF-8, being JSON.
    pub(super) fn sign(&self, id: &str, at: i64, body: &str) -> Result<String, standardwebhooks::WebhookError> {
        let signatures = self.keys.iter().map(|key| key.sign(id, at, body.as_bytes()));
        Ok(signatures.collect::<Result<Vec<_>, _>>()?.join(" "))
    }
}

/// Why there are no secrets.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The file can't be read.
    #[error("cannot read webhook secrets from {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file does not hold secrets.
    #[error("webhook secrets in {path} are not valid: {problem}")]
    Invalid {
        /// The file.
        path: String,
        /// What was wrong, and what would be right.
        problem: String,
    },
}

fn key(line: &str) -> Result<standardwebhooks::Webhook, String> {
    let wanted = || format!("must be {PREFIX} and the base64 of 24 to 64 bytes");
    let base64 = line.strip_prefix(PREFIX).ok_or_else(wanted)?;
    let bytes = base64.trim_end_matches('=').len() * 3 / 4;
    if !KEY_BYTES.contains(&bytes) {
        return Err(format!("has {bytes} bytes; {}", wanted()));
    }
    standardwebhooks::Webhook::new(base64).map_err(|_| wanted())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_as_the_specification_writes_them() {
        let long = format!("whsec_{}", "a".repeat(88));
        let five = ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n"; 5].concat();
        for (text, end) in [
            ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n", Ok(1)),
            (
                "# new\nwhsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n\n# old\n  whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                Ok(2),
            ),
            ("", Err("has 0 secrets; must have 1 to 4")),
            (&five, Err("has 5 secrets; must have 1 to 4")),
            ("C2FVsBQIhrscChlQIMV+b5sSYspob7oD", Err("line 1: must be whsec_ and")),
            ("\nwhsec_C2FVsBQIhrscChlQIMV+b5sSYspob7o!", Err("line 2: must be whsec_ and")),
            ("whsec_c2hvcnQ=", Err("line 1: has 5 bytes; must be")),
            (&long, Err("line 1: has 66 bytes; must be")),
        ] {
            match (Secrets::parse(text), end) {
                (Ok(secrets), Ok(count)) => assert_eq!(secrets.keys.len(), count, "{text}"),
                (Err(problem), Err(begins)) => {
                    assert!(problem.starts_with(begins), "{problem}");
                    assert!(!problem.contains("C2FV"), "{problem}");
                }
                (other, _) => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let error = Secrets::read(Path::new("/nowhere/secret")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read webhook secrets from /nowhere/secret");
    }

    /// The example of the specification's own libraries.
    #[test]
    fn the_signature_is_the_specifications_and_both_keys_sign() {
        let secrets =
            Secrets::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\nwhsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        let signed = secrets.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body).unwrap();
        let (first, second) = signed.split_once(' ').unwrap();
        assert_eq!(first, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
        assert!(second.starts_with("v1,") && second != first);
    }
}
