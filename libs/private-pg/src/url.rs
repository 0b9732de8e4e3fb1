//! Connection URLs.

pub(crate) fn postgres(port: u16, user: &str, password: &str, database: &str) -> String {
    format!("postgres://{}:{}@127.0.0.1:{port}/{}", encode(user), encode(password), encode(database))
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_encoded() {
        let url = postgres(20001, "a@b", "p/w:é%", "my db");
        assert_eq!(url, "postgres://a%40b:p%2Fw%3A%C3%A9%25@127.0.0.1:20001/my%20db");
    }
}
