//! Node lists: one `id-in-hex,address` a line; `#` begins a comment line.
//!
//! The id is 256 bits, or 512 bits (a public key), of which the simulated id is the first 32 bytes. The address
//! is `ip:port` or `[ipv6]:port`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::{fmt, fs, io};

use dialstate::Address;

use super::{Id, Node};

/// Why a node list can't be used: file, line and reason.
#[derive(Debug)]
pub struct NodeListError {
    file: String,
    /// Counted from 1; `None`: the file as a whole.
    line: Option<usize>,
    reason: String,
}

impl fmt::Display for NodeListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

impl std::error::Error for NodeListError {}

/// Reads a node list.
///
/// # Errors
/// The file can't be read, or as [`parse_nodes`].
pub fn read_nodes(path: &Path) -> Result<Vec<Node>, NodeListError> {
    let file = path.display().to_string();
    let unreadable = |error: io::Error| NodeListError {
        file: file.clone(),
        line: None,
        reason: format!("can't be read: {error}; give the path of a node list"),
    };
    let bytes = fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        NodeListError { file: file.clone(), line: Some(line), reason: "not UTF-8 text".to_owned() }
    })?;
    parse_nodes(&file, &text)
}

/// Parses a node list; `file` is its name in errors.
///
/// # Errors
/// The first line that is not a comment, not empty and not a node, or whose id occurred before; a list without
/// a node.
pub fn parse_nodes(file: &str, text: &str) -> Result<Vec<Node>, NodeListError> {
    let mut seen: BTreeMap<Id, usize> = BTreeMap::new();
    let mut nodes = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let fail = |reason| NodeListError { file: file.to_owned(), line: Some(line), reason };
        let node = parse_node(content).map_err(fail)?;
        if let Some(first) = seen.insert(node.id, line) {
            return Err(fail(format!("the id occurs on line {first} already; remove one of the two")));
        }
        nodes.push(node);
    }
    if nodes.is_empty() {
        let reason = "no nodes; expected lines of the form id-in-hex,ip:port".to_owned();
        return Err(NodeListError { file: file.to_owned(), line: None, reason });
    }
    Ok(nodes)
}

fn parse_node(line: &str) -> Result<Node, String> {
    let (id, addr) = line.split_once(',').ok_or("no comma; expected id-in-hex,ip:port")?;
    let id = parse_id(id.trim())?;
    let addr = addr.trim();
    let parsed: SocketAddr = addr
        .parse()
        .map_err(|_| format!("the address '{addr}' is not of the form ip:port or [ipv6]:port"))?;
    if !parsed.is_dialable() {
        return Err(format!("the address '{addr}' can't be dialed: port 0, unspecified or multicast"));
    }
    Ok(Node::new(id, [parsed]))
}

fn parse_id(hex: &str) -> Result<Id, String> {
    if let Some((at, bad)) = hex.char_indices().find(|(_, c)| !c.is_ascii_hexdigit()) {
        return Err(format!("the id has '{bad}' at character {}; expected hex digits", at + 1));
    }
    if hex.len() != 64 && hex.len() != 128 {
        return Err(format!("the id has {} hex digits; expected 64 or 128", hex.len()));
    }
    let mut id = [0; 32];
    for (byte, pair) in id.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok()).unwrap_or(0);
        *byte = digit(pair[0]) << 4 | digit(pair[1]);
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "df26c28655569c1091b5f570927ab0fdbf72b7fedca3bbc411a91567e7a9d4f8";

    fn error(text: &str) -> String {
        parse_nodes("list.csv", text).unwrap_err().to_string()
    }

    #[test]
    fn the_lists_of_the_repository() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data");
        let nodes = read_nodes(&data.join("nodes.csv")).unwrap();
        assert_eq!(nodes.len(), 611);
        assert_eq!(nodes[0].addrs.as_slice(), ["2.24.141.73:8333".parse().unwrap()]);
        let bootnodes = read_nodes(&data.join("bootnodes.csv")).unwrap();
        assert_eq!(bootnodes.len(), 14);
        assert_eq!(bootnodes[0].id[..3], [0x10, 0xd6, 0x2e]);
    }

    #[test]
    fn comments_blank_lines_line_ends_and_ipv6() {
        let text = format!("# head\r\n\r\n{ID},[2001:db8::1]:30303\r\n  # end");
        let nodes = parse_nodes("list.csv", &text).unwrap();
        assert_eq!(nodes.len(), 1);
        assert_eq!(nodes[0].addrs.as_slice(), ["[2001:db8::1]:30303".parse().unwrap()]);
    }

    #[test]
    fn a_long_id_is_cut() {
        let nodes = parse_nodes("list.csv", &format!("{ID}{},1.2.3.4:5", "ee".repeat(32))).unwrap();
        assert_eq!(nodes, parse_nodes("list.csv", &format!("{ID},1.2.3.4:5")).unwrap());
    }

    #[test]
    fn errors_name_file_line_and_reason() {
        let line = |bad: &str| error(&format!("# head\n{ID},1.2.3.4:5\n{bad}\n"));
        assert_eq!(line("abc"), "list.csv:3: no comma; expected id-in-hex,ip:port");
        assert_eq!(line("ab,1.2.3.4:5"), "list.csv:3: the id has 2 hex digits; expected 64 or 128");
        assert_eq!(
            line(&format!("0x{ID},1.2.3.4:5")),
            "list.csv:3: the id has 'x' at character 2; expected hex digits"
        );
        assert_eq!(
            line(&format!("{},host:80", "ab".repeat(32))),
            "list.csv:3: the address 'host:80' is not of the form ip:port or [ipv6]:port"
        );
        assert_eq!(
            line(&format!("{},1.2.3.4:0", "ab".repeat(32))),
            "list.csv:3: the address '1.2.3.4:0' can't be dialed: port 0, unspecified or multicast"
        );
        assert_eq!(
            line(&format!("{ID},4.3.2.1:5")),
            "list.csv:3: the id occurs on line 2 already; remove one of the two"
        );
        assert_eq!(error("# nobody\n"), "list.csv: no nodes; expected lines of the form id-in-hex,ip:port");
    }

    #[test]
    fn a_missing_file() {
        let error = read_nodes(Path::new("/nowhere/list.csv")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/list.csv: can't be read: "), "{error}");
    }
}
