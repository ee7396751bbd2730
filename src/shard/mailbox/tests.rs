//! Mailboxes beside plain queues.

use std::collections::VecDeque;

use super::pool::GROWTH;
use super::*;
use crate::actor::{Payload, ShardId};

fn mailbox() -> Mailbox {
    Mailbox::new(1, MailboxSpec::default(), &Bounds::default())
}

fn actor(slot: u32) -> ActorId {
    ActorId::new(ShardId(0), slot, 1)
}

fn push(mailbox: &mut Mailbox, pool: &mut Pool, number: u32) {
    mailbox.push(pool, 4).payload.assign(&number.to_le_bytes());
}

fn parse(payload: &[u8]) -> u32 {
    u32::from_le_bytes(payload.try_into().unwrap())
}

/// Many mailboxes on one pool against as many `VecDeque`s. The odd ones take frames.
#[test]
fn mailboxes_are_fifo_and_share_nothing_but_the_pool() {
    let mut pool = Pool::new();
    let mut hand = Box::<Message>::default();
    let mut run = Frames::new();
    let mut boxes: Vec<Mailbox> = (0..7).map(|_| mailbox()).collect();
    for odd in [1, 3, 5] {
        boxes[odd].set_frames_max(6);
    }
    let mut runs_taken = 0;
    let mut oracle: Vec<VecDeque<u32>> = vec![VecDeque::new(); 7];
    let mut state = 1_u64;
    for step in 0..100_000_u32 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let which = (state >> 33) as usize % 7;
        let (mailbox, expected) = (&mut boxes[which], &mut oracle[which]);
        match state >> 60 {
            0 if which % 2 == 1 => {
                let numbers: Vec<[u8; 4]> = (0..step % 9).map(|_| step.to_le_bytes()).collect();
                let payloads: Vec<&[u8]> = numbers.iter().map(|number| &number[..]).collect();
                let pushed =
                    mailbox.push_frames(&mut pool, actor(which as u32), Some(actor(step % 9)), &payloads);
                assert_eq!(pushed, payloads.len());
                expected.extend(numbers.iter().map(|number| parse(number)));
            }
            1..5 if which % 2 == 1 => {
                assert!(mailbox.takes_frame(0, 4));
                mailbox.push_frame(
                    &mut pool,
                    actor(which as u32),
                    Some(actor(step % 9)),
                    &step.to_le_bytes(),
                );
                expected.push_back(step);
            }
            0..8 => {
                push(mailbox, &mut pool, step);
                expected.push_back(step);
            }
            kind @ (8..10) => {
                if mailbox.take_run(&mut pool, &mut run) {
                    runs_taken += 1;
                    assert!((2..=6).contains(&run.len()));
                    // Some are handled, and the rest waits again.
                    let settled = if kind == 8 { run.len() } else { (step as usize) % (run.len() + 1) };
                    for frame in run.iter().take(settled) {
                        let number = parse(frame.payload);
                        assert_eq!(Some(number), expected.pop_front());
                        assert_eq!(frame.from, Some(actor(number % 9)));
                    }
                    run.skip(settled);
                    mailbox.put_back_run(&mut pool, &mut run);
                    run.clear();
                }
            }
            kind => {
                let is_out = mailbox.pop(&mut pool, actor(which as u32), &mut hand);
                let got = is_out.then(|| parse(&hand.payload));
                assert_eq!(got, expected.pop_front());
                if let Some(got) = got.filter(|_| kind == 11) {
                    mailbox.put_back(&mut pool, &mut hand);
                    expected.push_front(got);
                }
            }
        }
        if let Some(letter) = mailbox.peek(&pool) {
            assert_eq!(Some(parse(&letter.payload)), expected.front().copied());
        }
        assert_eq!(mailbox.messages as usize, expected.len());
        assert_eq!(mailbox.bytes as usize, 4 * expected.len());
        assert_eq!(pool.in_use(), oracle.iter().map(VecDeque::len).sum::<usize>());
    }
    assert!(runs_taken > 1_000, "{runs_taken}");
}

#[test]
fn one_message_of_a_run_is_a_letter_like_any_other() {
    let mut pool = Pool::new();
    let mut mailbox = mailbox();
    mailbox.set_frames_max(2);
    for payload in [&b"one"[..], b"two", b"three"] {
        mailbox.push_frame(&mut pool, actor(1), Some(actor(5)), payload);
    }
    let mut hand = Box::<Message>::default();
    for payload in [&b"one"[..], b"two"] {
        assert!(mailbox.pop(&mut pool, actor(1), &mut hand));
        assert_eq!((hand.to, hand.from), (Some(actor(1)), Some(actor(5))));
        assert_eq!(hand.payload.as_slice(), payload);
    }
    let mut run = Frames::new();
    assert!(!mailbox.take_run(&mut pool, &mut run), "one is no run");
    assert!(mailbox.pop(&mut pool, actor(1), &mut hand));
    assert_eq!(hand.payload.as_slice(), b"three");
    assert!(!mailbox.pop(&mut pool, actor(1), &mut hand));
    assert_eq!((pool.in_use(), pool.runs.len(), pool.free_runs.len()), (0, 2, 2));
}

#[test]
fn one_message_alone_needs_no_run_and_becomes_the_first_of_two() {
    let (mut pool, mut mailbox, mut run) = (Pool::new(), mailbox(), Frames::new());
    mailbox.set_frames_max(4);
    mailbox.push_frame(&mut pool, actor(1), Some(actor(5)), b"one");
    assert_eq!((pool.in_use(), pool.runs.len()), (1, 0));
    assert!(!mailbox.take_run(&mut pool, &mut run));
    mailbox.push_frame(&mut pool, actor(1), None, b"two");
    assert!(mailbox.take_run(&mut pool, &mut run));
    let told: Vec<_> = run.iter().map(|frame| (frame.from, frame.payload)).collect();
    assert_eq!(told, [(Some(actor(5)), &b"one"[..]), (None, b"two")]);
    assert_eq!((pool.in_use(), mailbox.messages, mailbox.bytes), (0, 0, 0));
    // But not one that there is more to say of.
    mailbox.push(&mut pool, 3).sent_at_ns = 7;
    run.clear();
    for payload in [&b"two"[..], b"three"] {
        mailbox.push_frame(&mut pool, actor(1), None, payload);
    }
    assert!(!mailbox.take_run(&mut pool, &mut run), "the measured one is first");
    let mut hand = Box::default();
    assert!(mailbox.pop(&mut pool, actor(1), &mut hand));
    assert_eq!(hand.sent_at_ns, 7);
    assert!(mailbox.take_run(&mut pool, &mut run));
    assert_eq!(run.len(), 2);
}

#[test]
fn what_is_long_or_may_wait_only_for_a_while_is_no_frame() {
    let mut long = mailbox();
    assert!(!long.takes_frame(0, 1), "its actor takes none");
    long.set_frames_max(32);
    assert!(long.takes_frame(0, Frames::PAYLOAD_BYTES_MAX));
    assert!(!long.takes_frame(0, Frames::PAYLOAD_BYTES_MAX + 1));
    let spec = MailboxSpec { time_to_live_ns: NonZeroU64::new(1), ..MailboxSpec::default() };
    let mut short_lived = Mailbox::new(1, spec, &Bounds::default());
    short_lived.set_frames_max(32);
    assert!(!short_lived.takes_frame(0, 1));
}

#[test]
fn of_many_as_many_are_taken_as_there_is_room_for() {
    let spec = MailboxSpec { messages_max: Some(5), bytes_max: Some(100), ..MailboxSpec::default() };
    let mut pool = Pool::new();
    let mut mailbox = Mailbox::new(1, spec, &Bounds::default());
    assert_eq!(mailbox.push_frames(&mut pool, actor(1), None, &[b"its actor takes none"]), 0);
    mailbox.set_frames_max(3);
    assert_eq!(mailbox.push_frames(&mut pool, actor(1), None, &[&[1; 40], &[2; 40], &[3; 40]]), 2);
    assert_eq!((mailbox.messages, mailbox.bytes), (2, 80));
    assert_eq!(mailbox.push_frames(&mut pool, actor(1), None, &[&[4][..]; 9]), 3);
    assert_eq!((mailbox.messages, mailbox.bytes, pool.in_use()), (5, 83, 5));
    let mut run = Frames::new();
    let mut lengths = Vec::new();
    while mailbox.take_run(&mut pool, &mut run) {
        lengths.push(run.iter().map(|frame| frame.payload.len()).collect::<Vec<_>>());
    }
    assert_eq!(lengths, [vec![40, 40, 1], vec![1, 1]]);
    let long = [&[0; 4][..], &[0; Frames::PAYLOAD_BYTES_MAX + 1], &[0; 4]];
    let mut roomy = self::mailbox();
    roomy.set_frames_max(3);
    assert_eq!(roomy.push_frames(&mut pool, actor(1), None, &long), 1);
}

#[test]
fn nodes_are_used_again() {
    let mut pool = Pool::new();
    let mut mailbox = mailbox();
    let mut hand = Box::default();
    for round in 0..10_000 {
        push(&mut mailbox, &mut pool, round);
        assert!(mailbox.pop(&mut pool, actor(1), &mut hand));
        assert_eq!(parse(&hand.payload), round);
    }
    assert_eq!(pool.letters.len(), GROWTH);
}

#[test]
fn heap_payloads_go_to_whoever_takes_them() {
    let bytes: std::sync::Arc<[u8]> = vec![1; 1000].into();
    let mut pool = Pool::new();
    let mut mailbox = mailbox();
    let mut hand = Box::<Message>::default();
    mailbox.push(&mut pool, 1000).payload = Payload::from(bytes.clone());
    assert!(mailbox.pop(&mut pool, actor(1), &mut hand));
    assert_eq!(std::sync::Arc::strong_count(&bytes), 2);
    hand.payload.release_heap();
    assert_eq!(std::sync::Arc::strong_count(&bytes), 1);
}
