//! Which Debian mirror this machine uses: both forms of apt's source lists.
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// One mirror with the suites that it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) uri: String,
    pub(crate) suites: Vec<String>,
    pub(crate) components: Vec<String>,
    /// The keyring file that signs it, where the source names one.
    pub(crate) keyring: Option<String>,
}

/// Where Debian's packages and its security updates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirror {
    pub(crate) main: String,
    pub(crate) security: String,
    pub(crate) keyring: String,
}

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const CODENAMES: [&str; 9] = [
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "sid",
    "stable",
    "oldstable",
    "testing",
    "unstable",
];

/// The mirror of this machine, or of `BPF_CORE_MIRROR` (and `BPF_CORE_SECURITY_MIRROR`) where it names none.
pub(crate) fn mirror() -> Result<Mirror> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let found = find(&system_sources(Path::new("/etc/apt")));
    let main = variable("BPF_CORE_MIRROR").or_else(|| found.as_ref().map(|mirror| mirror.main.clone())).context(
        "the guest kernels are Debian packages, and the apt sources of this machine name no Debian mirror: \
         set BPF_CORE_MIRROR to the address of one",
    )?;
    let security = variable("BPF_CORE_SECURITY_MIRROR")
        .or_else(|| {
            found
                .as_ref()
                .filter(|mirror| mirror.main == main)
                .map(|mirror| mirror.security.clone())
        })
        .unwrap_or_else(|| beside(&main));
    let keyring = found.map_or_else(|| KEYRING.to_owned(), |mirror| mirror.keyring);
    Ok(Mirror { main, security, keyring })
}

/// Mirrors keep the security archive beside the main one: `.../debian` and `.../debian-security`.
fn beside(main: &str) -> String {
    format!("{}-security", main.trim_end_matches('/'))
}

fn system_sources(folder: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut files = vec![folder.join("sources.list")];
    if let Ok(entries) = fs::read_dir(folder.join("sources.list.d")) {
        let mut more: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        more.sort();
        files.extend(more);
    }
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => sources.extend(one_line(&text)),
            Some("sources") => sources.extend(deb822(&text)),
            _ => {}
        }
    }
    sources
}

fn find(sources: &[Source]) -> Option<Mirror> {
    let with_suite = |wanted: &dyn Fn(&str) -> bool| {
        sources.iter().find(|source| {
            source.components.iter().any(|component| component == "main")
                && source.suites.iter().any(|suite| wanted(suite))
        })
    };
    let main = with_suite(&|suite| CODENAMES.contains(&suite))?;
    let security = with_suite(&|suite| {
        suite.strip_suffix("-security").is_some_and(|codename| CODENAMES.contains(&codename))
    });
    Some(Mirror {
        main: main.uri.clone(),
        security: security.map_or_else(|| beside(&main.uri), |source| source.uri.clone()),
        keyring: main.keyring.clone().unwrap_or_else(|| KEYRING.to_owned()),
    })
}

/// `deb [option=value ...] URI SUITE COMPONENT...`
fn one_line(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some(rest) = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t']))
        else {
            continue;
        };
        let mut rest = rest.trim_start();
        let mut keyring = None;
        if let Some((options, after)) =
            rest.strip_prefix('[').and_then(|inner| inner.split_once(']'))
        {
            keyring = options
                .split_whitespace()
                .find_map(|option| option.strip_prefix("signed-by="))
                .filter(|path| path.starts_with('/'))
                .map(str::to_owned);
            rest = after;
        }
        let mut words = rest.split_whitespace().map(str::to_owned);
        let (Some(uri), Some(suite)) = (words.next(), words.next()) else { continue };
        if usable(&uri) {
            sources.push(Source { uri, suites: vec![suite], components: words.collect(), keyring });
        }
    }
    sources
}

/// Paragraphs of `Field: values`, continued by lines that begin with a blank.
fn deb822(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            sources.extend(paragraph(&fields));
            fields.clear();
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    sources
}

fn paragraph(fields: &[(String, String)]) -> Vec<Source> {
    let field = |name: &str| {
        fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    };
    let words = |name: &str| field(name).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let disabled =
        ["no", "false", "0", "off"].contains(&field("enabled").to_ascii_lowercase().as_str());
    if disabled || !words("types").iter().any(|kind| kind == "deb") {
        return Vec::new();
    }
    // An embedded key is no file: only a path can be given to another configuration.
    let keyring = Some(field("signed-by")).filter(|path| path.starts_with('/')).map(str::to_owned);
    words("uris")
        .into_iter()
        .filter(|uri| usable(uri))
        .map(|uri| Source {
            uri,
            suites: words("suites"),
            components: words("components"),
            keyring: keyring.clone(),
        })
        .collect()
}

fn usable(uri: &str) -> bool {
    !uri.starts_with("cdrom:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(uri: &str, suites: &[&str], components: &[&str], keyring: Option<&str>) -> Source {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Source {
            uri: uri.to_owned(),
            suites: owned(suites),
            components: owned(components),
            keyring: keyring.map(str::to_owned),
        }
    }

    #[test]
    fn one_line_form() {
        let rows: &[(&str, Vec<Source>)] = &[
            (
                "deb http://m/debian bookworm main\n",
                vec![source("http://m/debian", &["bookworm"], &["main"], None)],
            ),
            (
                "deb [arch=amd64 signed-by=/k.gpg] http://m/debian sid main contrib # words\n",
                vec![source("http://m/debian", &["sid"], &["main", "contrib"], Some("/k.gpg"))],
            ),
            ("deb-src http://m/debian bookworm main\n", vec![]),
            ("# deb http://m/debian bookworm main\n", vec![]),
            ("deb cdrom:[disc]/ bookworm main\n", vec![]),
            ("deb http://m/debian\n", vec![]),
            ("deb\n", vec![]),
        ];
        for (text, expected) in rows {
            assert_eq!(&one_line(text), expected, "{text:?}");
        }
    }

    #[test]
    fn deb822_form() {
        let text = "Types: deb deb-src\n# words\nURIs: http://a/debian\n http://b/debian\nSuites: bookworm bookworm-updates\n\
                    Components: main\nSigned-By: /k.gpg\n\nTypes: deb-src\nURIs: http://c\nSuites: x\n\n\
                    Types: deb\nEnabled: no\nURIs: http://d\nSuites: sid\nComponents: main\n";
        let suites = ["bookworm", "bookworm-updates"];
        assert_eq!(
            deb822(text),
            [
                source("http://a/debian", &suites, &["main"], Some("/k.gpg")),
                source("http://b/debian", &suites, &["main"], Some("/k.gpg")),
            ]
        );
        // A key in the text itself is not a file.
        let embedded = "Types: deb\nURIs: http://a\nSuites: sid\nComponents: main\nSigned-By:\n -----BEGIN PGP\n";
        assert_eq!(deb822(embedded), [source("http://a", &["sid"], &["main"], None)]);
    }

    #[test]
    fn the_mirror_is_the_source_of_a_debian_suite() {
        let other = source("https://other/apt", &["nodistro"], &["main"], None);
        let main =
            source("http://m/debian", &["trixie", "trixie-updates"], &["main"], Some("/k.gpg"));
        let security = source("http://s/sec", &["trixie-security"], &["main"], None);
        let ubuntu = source("http://u/ubuntu", &["noble"], &["main"], None);
        let mirror = |security: &str| Mirror {
            main: "http://m/debian".to_owned(),
            security: security.to_owned(),
            keyring: "/k.gpg".to_owned(),
        };
        assert_eq!(find(&[other.clone(), security, main.clone()]), Some(mirror("http://s/sec")));
        assert_eq!(find(&[main]), Some(mirror("http://m/debian-security")));
        assert_eq!(find(&[other, ubuntu]), None);
    }

    #[test]
    fn files_of_a_folder_are_read_by_their_ending() {
        let folder = tempfile::tempdir().unwrap();
        let parts = folder.path().join("sources.list.d");
        fs::create_dir(&parts).unwrap();
        fs::write(folder.path().join("sources.list"), "deb http://one/ sid main\n").unwrap();
        fs::write(
            parts.join("b.sources"),
            "Types: deb\nURIs: http://two/\nSuites: sid\nComponents: main\n",
        )
        .unwrap();
        fs::write(parts.join("c.list.save"), "deb http://three/ sid main\n").unwrap();
        let uris: Vec<_> =
            system_sources(folder.path()).into_iter().map(|source| source.uri).collect();
        assert_eq!(uris, ["http://one/", "http://two/"]);
    }
}
