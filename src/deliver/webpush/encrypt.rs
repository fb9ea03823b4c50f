//! Message encryption for Web Push: RFC 8291 over one record of RFC 8188's `aes128gcm`.

use super::subscription::Subscription;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};

/// The most bytes of a body that every push service must take (RFC 8030, section 7.2).
pub const BODY_MAX_BYTES: usize = 4_096;
/// What salt, record size, the key and its length take of it (RFC 8188, section 2.1) …
const HEADER_BYTES: usize = SALT_BYTES + 4 + 1 + POINT_BYTES;
/// … and the delimiter and the tag.
const TAIL_BYTES: usize = 1 + 16;
/// The most bytes of a message.
pub const MESSAGE_MAX_BYTES: usize = BODY_MAX_BYTES - HEADER_BYTES - TAIL_BYTES;
/// The size of a record, which the whole message has to be smaller than.
const RECORD_BYTES: u32 = 4_096;
const SALT_BYTES: usize = 16;
/// An uncompressed point of P-256.
pub(super) const POINT_BYTES: usize = 65;
/// Ends the last record (RFC 8188, section 2).
const LAST: u8 = 2;

/// The body of a message for a subscription, under a key and a salt that are made for it. It must have at most
/// [`MESSAGE_MAX_BYTES`]. Fails where the subscription's key is no point of P-256.
pub(super) fn encrypt(message: &[u8], to: &Subscription) -> Result<Vec<u8>, Unspecified> {
    let random = SystemRandom::new();
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt)?;
    let private = EphemeralPrivateKey::generate(&ECDH_P256, &random)?;
    let public = private.compute_public_key()?;
    let theirs = UnparsedPublicKey::new(&ECDH_P256, &to.key);
    agree_ephemeral(private, &theirs, |secret| seal(message, to, secret, public.as_ref(), &salt))?
}

/// The body that follows from the shared secret, our public key and the salt.
fn seal(
    message: &[u8],
    to: &Subscription,
    secret: &[u8],
    public: &[u8],
    salt: &[u8; SALT_BYTES],
) -> Result<Vec<u8>, Unspecified> {
    // RFC 8291, section 3.4.
    let shared = Salt::new(HKDF_SHA256, &to.auth).extract(secret);
    let input: [u8; 32] = expand(&shared, &[b"WebPush: info\0", &to.key, public])?;
    // RFC 8188, sections 2.2 and 2.3; the first record's number is 0 and leaves the nonce as it is.
    let record = Salt::new(HKDF_SHA256, salt).extract(&input);
    let key: [u8; 16] = expand(&record, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce: [u8; 12] = expand(&record, &[b"Content-Encoding: nonce\0"])?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    let mut sealed = [message, &[LAST]].concat();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)?;
    let length = u8::try_from(public.len()).map_err(|_| Unspecified)?;
    Ok([&salt[..], &RECORD_BYTES.to_be_bytes(), &[length], public, &sealed].concat())
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(key: &Prk, info: &[&[u8]]) -> Result<[u8; N], Unspecified> {
    let mut bytes = [0; N];
    key.expand(info, Bytes(N))?.fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn decoded(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn subscription() -> Subscription {
        Subscription {
            endpoint: "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV".into(),
            key: decoded("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
            auth: decoded("BTBZMqHH6r4Tts7J_aSIgg"),
        }
    }

    /// The example of RFC 8291, section 5 and appendix A.
    #[test]
    fn the_body_is_the_specifications() {
        let secret = decoded("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let public =
            decoded("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8");
        let salt = decoded("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let message = b"When I grow up, I want to be a watermelon";
        let body = seal(message, &subscription(), &secret, &public, &salt).unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz\
            AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(body), expected);
    }

    #[test]
    fn the_longest_message_fills_the_body_and_no_two_bodies_are_alike() {
        let longest = encrypt(&[b'x'; MESSAGE_MAX_BYTES], &subscription()).unwrap();
        assert_eq!((longest.len(), MESSAGE_MAX_BYTES), (BODY_MAX_BYTES, 3_993));
        assert_ne!(encrypt(b"x", &subscription()).unwrap(), encrypt(b"x", &subscription()).unwrap());
        let off_the_curve = Subscription { key: vec![4; POINT_BYTES], ..subscription() };
        assert!(encrypt(b"x", &off_the_curve).is_err());
    }
}
