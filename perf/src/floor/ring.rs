//! The floor under all messages across cores: Raddle's ring, and nothing else.

use std::time::Instant;

use anyhow::ensure;
use raddle::sync::{Consumer, Full, Producer, ring};

/// Slots of the ring, and how many items are published at once.
const SLOTS: usize = 1_024;
const BATCH: u64 = 32;
/// Looks at a ring, some 100 µs of them, after which others have a turn.
const LOOKS_PER_YIELD: u32 = 4_096;
/// As many bytes as a message of the usual size.
type Item = [u64; 8];

fn cpu(cpus: &[Option<usize>], index: usize) -> Option<usize> {
    cpus.get(index).copied().flatten()
}

/// ns per item of 64 bytes, from one core to another. Their sum is checked.
pub(crate) fn ns_per_message(cpus: &[Option<usize>], messages: u64) -> anyhow::Result<f64> {
    let (mut producer, mut consumer) = ring::<Item>(SLOTS);
    let (here, there) = (cpu(cpus, 0), cpu(cpus, 1));
    let start = Instant::now();
    let sender = std::thread::spawn(move || {
        pin(here);
        let mut looks = 0;
        for value in 0..messages {
            let mut item = [0; 8];
            item[0] = value;
            while let Err(Full(back)) = producer.stage(item) {
                producer.publish();
                item = back;
                rest(&mut looks);
            }
            if value % BATCH == BATCH - 1 {
                producer.publish();
            }
        }
        producer.publish();
    });
    let taker = std::thread::spawn(move || {
        pin(there);
        let (mut count, mut sum, mut looks) = (0, 0_u64, 0);
        while count < messages {
            let taken = consumer.drain(SLOTS, |item: Item| sum = sum.wrapping_add(item[0]));
            count += taken as u64;
            if taken == 0 {
                rest(&mut looks);
            }
        }
        sum
    });
    ensure!(sender.join().is_ok(), "the sender panicked");
    let sum = taker.join().map_err(|_| anyhow::anyhow!("the receiver panicked"))?;
    let elapsed = start.elapsed();
    let expected = (0..messages).fold(0, u64::wrapping_add);
    ensure!(sum == expected, "the ring does not add up: {sum} instead of {expected}");
    Ok(elapsed.as_nanos() as f64 / messages as f64)
}

/// ns per item of 64 bytes that goes to the other core, and comes back with 1 added.
pub(crate) fn ns_per_round_trip(cpus: &[Option<usize>], trips: u64) -> anyhow::Result<f64> {
    let (mut to_there, mut from_here) = ring::<Item>(SLOTS);
    let (mut to_here, mut from_there) = ring::<Item>(SLOTS);
    let (here, there) = (cpu(cpus, 0), cpu(cpus, 1));
    let answering = std::thread::spawn(move || {
        pin(there);
        for _ in 0..trips {
            let mut item = wait_for(&mut from_here);
            item[0] += 1;
            send(&mut to_here, item);
        }
    });
    let asking = std::thread::spawn(move || {
        pin(here);
        let start = Instant::now();
        let mut sum = 0_u64;
        for value in 0..trips {
            let mut item = [0; 8];
            item[0] = value;
            send(&mut to_there, item);
            sum = sum.wrapping_add(wait_for(&mut from_there)[0]);
        }
        (start.elapsed(), sum)
    });
    let (elapsed, sum) = asking.join().map_err(|_| anyhow::anyhow!("the asking thread panicked"))?;
    ensure!(answering.join().is_ok(), "the answering thread panicked");
    let expected = (0..trips).fold(0, |sum: u64, value| sum.wrapping_add(value + 1));
    ensure!(sum == expected, "the ring does not add up: {sum} instead of {expected}");
    Ok(elapsed.as_nanos() as f64 / trips as f64)
}

/// Never more than one is under way: there is room.
fn send(to: &mut Producer<Item>, item: Item) {
    let sent = to.push(item);
    debug_assert!(sent.is_ok());
}

fn wait_for(from: &mut Consumer<Item>) -> Item {
    let mut looks = 0;
    loop {
        if let Some(item) = from.pop() {
            return item;
        }
        rest(&mut looks);
    }
}

/// Before another look. Whoever waits for so long may keep the other from its core.
fn rest(looks: &mut u32) {
    *looks += 1;
    if looks.is_multiple_of(LOOKS_PER_YIELD) {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

pub(crate) fn pin(cpu: Option<usize>) {
    if let Some(id) = cpu {
        core_affinity::set_for_current(core_affinity::CoreId { id });
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn items_arrive_once_each() {
        assert!(super::ns_per_message(&[], 10_000).unwrap() > 0.0);
    }

    #[test]
    fn items_come_back() {
        assert!(super::ns_per_round_trip(&[], 100).unwrap() > 0.0);
    }
}
