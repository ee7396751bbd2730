//! Rust source as tokens, less comments, text and what is for tests only.

/// A token that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A name or a keyword.
    Word(String),
    /// `::`
    Path,
    /// Any other character.
    Mark(char),
}

impl Token {
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }
}

/// One source file.
pub struct File {
    /// Relative to `src`.
    name: String,
    /// Each with its line, from 1.
    tokens: Vec<(usize, Token)>,
}

impl File {
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), tokens: without_tests(tokens(text)) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The parts of its module's path, as in `["shard", "turn"]`.
    pub fn module(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = self.name.trim_end_matches(".rs").split('/').collect();
        parts.pop_if(|last| ["mod", "lib", "main"].contains(last));
        parts
    }

    /// Is it compiled for tests only?
    pub fn is_test(&self) -> bool {
        self.module().contains(&"tests")
    }

    pub fn token(&self, index: usize) -> Option<&Token> {
        self.tokens.get(index).map(|(_, token)| token)
    }

    pub fn line(&self, index: usize) -> usize {
        self.tokens.get(index).map_or(1, |(line, _)| *line)
    }

    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The first names of what follows a `::` here: one, or those of a `{…}`.
    pub fn heads(&self, index: usize) -> Vec<&str> {
        match self.token(index) {
            Some(Token::Word(word)) => vec![word],
            Some(Token::Mark('{')) => self.group_heads(index + 1),
            _ => Vec::new(),
        }
    }

    fn group_heads(&self, start: usize) -> Vec<&str> {
        let (mut heads, mut depth, mut fresh) = (Vec::new(), 0, true);
        for (_, token) in &self.tokens[start..] {
            match token {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') if depth == 0 => break,
                Token::Mark('}') => depth -= 1,
                Token::Mark(',') if depth == 0 => fresh = true,
                Token::Word(word) if fresh => {
                    heads.push(word.as_str());
                    fresh = false;
                }
                _ => {}
            }
        }
        heads
    }
}

fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let line = |rest: &str| text[..text.len() - rest.len()].matches('\n').count() + 1;
    while let Some(first) = rest.chars().next() {
        let skip = if let Some(bytes) = not_code(rest) {
            bytes
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push((line(rest), Token::Word(rest[..end].to_owned())));
            end
        } else if rest.starts_with("::") {
            tokens.push((line(rest), Token::Path));
            2
        } else {
            if !first.is_whitespace() {
                tokens.push((line(rest), Token::Mark(first)));
            }
            first.len_utf8()
        };
        rest = &rest[skip..];
    }
    tokens
}

/// How many bytes of comment or literal there are here, if it is one.
fn not_code(rest: &str) -> Option<usize> {
    let until = |rest: &str, end: &str| rest.find(end).map_or(rest.len(), |at| at + end.len());
    if rest.starts_with("//") {
        return Some(until(rest, "\n"));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    let text = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - text.len();
    if let Some(raw) = text.strip_prefix('r').filter(|_| prefix <= 1) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if let Some(body) = raw[hashes..].strip_prefix('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            return Some(prefix + 1 + hashes + 1 + until(body, &end));
        }
    }
    if let Some(body) = text.strip_prefix('"').filter(|_| prefix <= 1) {
        return Some(prefix + 1 + quoted(body, '"'));
    }
    let body = rest.strip_prefix('\'')?;
    let mut chars = body.chars();
    // A lifetime has no quote after its first letter.
    let is_char = chars.next()? == '\\' || chars.next()? == '\'';
    Some(1 + if is_char { quoted(body, '\'') } else { 0 })
}

/// Up to and with the closing quote.
fn quoted(body: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    body.len()
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Leaves out every item under `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn without_tests(tokens: Vec<(usize, Token)>) -> Vec<(usize, Token)> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            at += item(&tokens[at..]);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

fn is_test_attribute(tokens: &[(usize, Token)]) -> bool {
    let spelled = |words: &[&str]| {
        let own = tokens.iter().map(|(_, token)| match token {
            Token::Word(word) => word.clone(),
            Token::Path => "::".to_owned(),
            Token::Mark(mark) => mark.to_string(),
        });
        own.take(words.len()).eq(words.iter().copied())
    };
    spelled(&["#", "[", "cfg", "(", "test", ")"]) || spelled(&["#", "[", "cfg", "(", "all", "(", "test", ","])
}

/// How many tokens an item has, its attributes among them.
fn item(tokens: &[(usize, Token)]) -> usize {
    let (mut braces, mut brackets) = (0, 0);
    for (index, (_, token)) in tokens.iter().enumerate() {
        match token {
            Token::Mark('[') => brackets += 1,
            Token::Mark(']') => brackets -= 1,
            Token::Mark('{') => braces += 1,
            Token::Mark('}') => {
                braces -= 1;
                // A use-group goes on to its semicolon; a body does not.
                let ends = !matches!(tokens.get(index + 1), Some((_, Token::Mark(';'))));
                if braces == 0 && ends {
                    return index + 1;
                }
            }
            Token::Mark(';') if braces == 0 && brackets == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}
