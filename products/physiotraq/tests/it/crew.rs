//! A licence's further devices, who they are assigned to, and whether they are online.

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::{Device, Licence, Person, Stage};

/// Further devices of a licence, assigned to owner and operator, online.
pub async fn devices(stage: &Stage, licence: &Licence, count: usize) -> Result<Vec<Device>> {
    let mut devices = Vec::with_capacity(count);
    for _ in 0..count {
        let device = stage.device(licence).await?;
        assign(licence, &device, &[&licence.owner, &licence.operator]).await?;
        online(&device).await?;
        devices.push(device);
    }
    Ok(devices)
}

/// The owner makes a device's assignments exactly these people.
pub async fn assign(licence: &Licence, device: &Device, people: &[&Person]) -> Result<()> {
    let ids: Vec<String> = people.iter().map(|person| person.account.to_string()).collect();
    let fields: Vec<(&str, &str)> = ids.iter().map(|id| ("user", id.as_str())).collect();
    let path = format!("/physiotraq/admin/devices/{}/assignments", device.id);
    let status = licence.owner.post(&path, &fields).await?.status();
    ensure!(status == 303, "assigning answered {status}");
    Ok(())
}

/// The device makes itself heard.
pub async fn online(device: &Device) -> Result<()> {
    let status = device.post("/devices/heartbeat", &json!({ "firmware_version": "03.1.0" })).await?.status();
    ensure!(status == 200, "the heartbeat answered {status}");
    Ok(())
}
