//! Settings with many values, which an environment variable holds in one line.

use std::collections::HashMap;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

/// A list, or one line with commas; a plain address is a network of one.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Networks {
        List(Vec<String>),
        Line(String),
    }
    let network = |text: &str| {
        let alone = || text.parse::<std::net::IpAddr>().map(IpNet::from);
        text.parse::<IpNet>().or_else(|_| alone()).map_err(|_| {
            <D::Error as serde::de::Error>::custom(format!("http.trusted_proxies: {text:?} is no network"))
        })
    };
    match Networks::deserialize(deserializer)? {
        Networks::List(list) => list.iter().map(|text| network(text.trim())).collect(),
        Networks::Line(line) => line.split(',').map(str::trim).filter(|part| !part.is_empty()).map(network).collect(),
    }
}

/// A table, or one line of `host=product` pairs: an environment variable cannot be a table with dots in its keys.
pub(super) fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HashMap<String, String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Hosts {
        Table(HashMap<String, String>),
        Line(String),
    }
    let pair = |text: &str| match text.split_once('=') {
        Some((host, product)) => Ok((host.trim().to_owned(), product.trim().to_owned())),
        None => Err(<D::Error as serde::de::Error>::custom(format!(
            "http.hosts is host=product,host=product; {text:?} has no ="
        ))),
    };
    match Hosts::deserialize(deserializer)? {
        Hosts::Table(table) => Ok(table),
        Hosts::Line(line) => line.split(',').map(str::trim).filter(|part| !part.is_empty()).map(pair).collect(),
    }
}

/// A list, or one line with commas.
pub(super) fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        List(Vec<String>),
        Line(String),
    }
    Ok(match Words::deserialize(deserializer)? {
        Words::List(list) => list,
        Words::Line(line) => {
            line.split(',').map(str::trim).filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect()
        }
    })
}
