//! Core module in, component out.

use std::mem;

use anyhow::{Context, Result};
use wasm_encoder::{ComponentSectionId, Encode, RawSection, Section};
use wasmparser::{Encoding, Parser, Payload, Validator};
use wit_component::ComponentEncoder;

/// What a compiler put out, as a component without names and other remarks. A
/// core module becomes the component that its `component-type` sections describe;
/// what it imports from WASI's first preview, as a C library may, is adapted to
/// WASI 0.2.
pub fn from_compiled(wasm: &[u8]) -> Result<Vec<u8>> {
    let encoded = if Parser::is_component(wasm) {
        wasm.to_owned()
    } else {
        ComponentEncoder::default()
            .module(wasm)?
            .adapter(
                wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )?
            .encode()?
    };
    let component = without_custom_sections(&encoded)?;
    Validator::new().validate_all(&component).context("the component is not valid")?;
    Ok(component)
}

/// Names and producers: they say which tools of which version were at work, and
/// make the component larger.
fn without_custom_sections(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut output = Vec::new();
    // The modules and components around the one that `output` is.
    let mut outer = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::Version { encoding, .. } => output.extend_from_slice(match encoding {
                Encoding::Component => &wasm_encoder::Component::HEADER,
                Encoding::Module => &wasm_encoder::Module::HEADER,
            }),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                outer.push(mem::take(&mut output));
            }
            Payload::End(_) => {
                let Some(mut parent) = outer.pop() else { break };
                let is_component = output.starts_with(&wasm_encoder::Component::HEADER);
                parent.push(if is_component {
                    ComponentSectionId::Component as u8
                } else {
                    ComponentSectionId::CoreModule as u8
                });
                output.encode(&mut parent);
                output = parent;
            }
            Payload::CustomSection(_) => {}
            payload => {
                if let Some((id, range)) = payload.as_section() {
                    let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
                    RawSection { id, data: &wasm[range] }.append_to(&mut output);
                }
            }
        }
    }
    Ok(output)
}
