//! Signed tokens: JSON Web Tokens (RFC 7519) in the compact form of JWS (RFC 7515), by the algorithms that push
//! services ask for (RFC 7518, sections 3.3 and 3.4).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Serialize;
use std::fmt;
use thiserror::Error;

/// No honest file of keys is longer, in bytes.
const FILE_MAX_BYTES: u64 = 16 * 1024;

/// A private key to sign with.
pub(super) enum SigningKey {
    /// ECDSA on P-256 with SHA-256.
    Es256(Box<EcdsaKeyPair>),
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256(Box<RsaKeyPair>),
}

/// Why a key can't be used, or does not sign. Shows nothing of the key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The text holds no key that is understood.
    #[error("must be a PEM file of PKCS #8, which begins with -----BEGIN PRIVATE KEY-----")]
    Pem,
    /// It is a key of another kind.
    #[error("is not a private key for {algorithm}: {problem}")]
    Kind {
        /// What was needed.
        algorithm: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The system has no randomness, or the key does not sign.
    #[error("the key does not sign")]
    Sign,
    /// The claims are no JSON.
    #[error("the claims can't be written")]
    Claims(#[from] serde_json::Error),
}

impl fmt::Debug for SigningKey {
    /// Says which kind it is and nothing else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm())
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

impl SigningKey {
    /// The key for ES256 in a PEM text.
    pub(super) fn es256(pem: &str) -> Result<Self, KeyError> {
        let der = pkcs8(pem)?;
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der(), &SystemRandom::new())
            .map(|key| Self::Es256(Box::new(key)))
            .map_err(|why| KeyError::Kind { algorithm: "ES256", problem: why.to_string() })
    }

    /// The key for ES256 of a private scalar of 32 bytes and an uncompressed public point of 65.
    pub(super) fn es256_raw(private: &[u8], public: &[u8]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, private, public, &random)
            .map(|key| Self::Es256(Box::new(key)))
            .map_err(|why| KeyError::Kind { algorithm: "ES256", problem: why.to_string() })
    }

    /// The key for RS256 in a PEM text: 2,048 bits or more.
    pub(super) fn rs256(pem: &str) -> Result<Self, KeyError> {
        let der = pkcs8(pem)?;
        RsaKeyPair::from_pkcs8(der.secret_pkcs8_der())
            .map(|key| Self::Rs256(Box::new(key)))
            .map_err(|why| KeyError::Kind { algorithm: "RS256", problem: why.to_string() })
    }

    /// The public key: of ES256 the uncompressed point, of RS256 the DER form of PKCS #1.
    pub(super) fn public(&self) -> &[u8] {
        match self {
            Self::Es256(key) => key.public_key().as_ref(),
            Self::Rs256(key) => key.public().as_ref(),
        }
    }

    /// A token with these claims.
    pub(super) fn token(&self, kid: Option<&str>, claims: &impl Serialize) -> Result<String, KeyError> {
        let header = serde_json::to_vec(&Header { alg: self.algorithm(), typ: "JWT", kid })?;
        let claims = serde_json::to_vec(claims)?;
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(key) => {
                key.sign(&random, message).map(|signature| signature.as_ref().to_vec()).map_err(|_| KeyError::Sign)
            }
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| KeyError::Sign)?;
                Ok(signature)
            }
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Rs256(_) => "RS256",
        }
    }
}

fn pkcs8(pem: &str) -> Result<PrivatePkcs8KeyDer<'static>, KeyError> {
    PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::Pem)
}

/// Why a file of keys can't be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// It can't be read.
    #[error("cannot read {what} from {path}")]
    Read {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It does not hold what it should. The problem shows nothing of the key.
    #[error("{what} in {path} {problem}")]
    Invalid {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

/// Reads a file of keys and parses it; errors say `what` it should have held.
pub(super) fn read_file<T>(
    what: &'static str,
    path: &std::path::Path,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, KeyFileError> {
    let path_shown = || path.display().to_string();
    let read = |source| KeyFileError::Read { what, path: path_shown(), source };
    let size = std::fs::metadata(path).map_err(read)?.len();
    if size > FILE_MAX_BYTES {
        let problem = format!("has {size} bytes; at most {FILE_MAX_BYTES} are allowed");
        return Err(KeyFileError::Invalid { what, path: path_shown(), problem });
    }
    let text = std::fs::read_to_string(path).map_err(read)?;
    parse(&text).map_err(|problem| KeyFileError::Invalid { what, path: path_shown(), problem })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::{Value, json};

    /// A key of P-256 that was made for these tests.
    pub(crate) const EC_PEM: &str = include_str!("../../fixtures/keys/ec.pem");
    /// A key of RSA with 2,048 bits that was made for these tests.
    pub(crate) const RSA_PEM: &str = include_str!("../../fixtures/keys/rsa.pem");

    /// The parts of a token whose signature was verified.
    pub(crate) fn verified(key: &SigningKey, token: &str) -> (Value, Value) {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = key.public();
        match key {
            SigningKey::Es256(_) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).verify(signed.as_bytes(), &signature)
            }
            SigningKey::Rs256(_) => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).verify(signed.as_bytes(), &signature)
            }
        }
        .unwrap();
        let part = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        (part(header), part(claims))
    }

    #[test]
    fn tokens_are_signed_and_say_how() {
        for (key, alg) in [(SigningKey::es256(EC_PEM), "ES256"), (SigningKey::rs256(RSA_PEM), "RS256")] {
            let key = key.unwrap();
            let token = key.token(Some("K1"), &json!({"iss": "T1", "iat": 7})).unwrap();
            let (header, claims) = verified(&key, &token);
            assert_eq!(header, json!({"alg": alg, "typ": "JWT", "kid": "K1"}));
            assert_eq!(claims, json!({"iss": "T1", "iat": 7}));
            assert_eq!(format!("{key:?}"), alg);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let sec1 = EC_PEM.replace("PRIVATE KEY", "EC PRIVATE KEY");
        for (made, begins) in [
            (SigningKey::es256("secret"), "must be a PEM file of PKCS #8"),
            (SigningKey::es256(&sec1), "must be a PEM file of PKCS #8"),
            (SigningKey::es256(RSA_PEM), "is not a private key for ES256"),
            (SigningKey::rs256(EC_PEM), "is not a private key for RS256"),
            (SigningKey::es256_raw(&[1; 32], &[4; 65]), "is not a private key for ES256"),
        ] {
            let error = made.unwrap_err().to_string();
            assert!(error.starts_with(begins) && !error.contains("secret"), "{error}");
        }
        let missing = read_file("a key", std::path::Path::new("/nowhere/key"), |_| Ok(())).unwrap_err();
        assert_eq!(missing.to_string(), "cannot read a key from /nowhere/key");
    }
}
