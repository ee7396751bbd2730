//! Bounds, and who is whose successor.

use super::*;

fn post() -> Post {
    let bounds = Bounds {
        mailbox_messages_max: 3,
        mailbox_bytes_max: 100,
        message_bytes_max: 500,
        outbox_messages_max: 2,
    };
    Post::new(ShardId(0), 2, bounds, crate::shard::mesh::loose_outlets(2), Arc::new(Rooms::new(100)))
}

fn send(post: &mut Post, to: ActorId, bytes: usize) -> Result<(), SendError> {
    let envelope = Envelope { to, from: None, request: None, sent_at_ns: 0, expires_at_ns: 0 };
    post.send(envelope, bytes, &vec![7; bytes][..])
}

#[test]
fn a_mailbox_is_bounded_in_messages_and_in_bytes() {
    let mut post = post();
    let mut hand = Box::default();
    let actor = ActorId::new(ShardId(0), 4, 2);
    assert_eq!(send(&mut post, actor, 1), Err(SendError::NoSuchActor(actor)));
    post.open(actor, MailboxSpec::default());
    for _ in 0..3 {
        assert_eq!(send(&mut post, actor, 10), Ok(()));
    }
    assert_eq!(send(&mut post, actor, 10), Err(SendError::MailboxFull(actor)));
    assert!(post.pop(actor, &mut hand));
    assert_eq!(send(&mut post, actor, 81), Err(SendError::MailboxFull(actor)), "20 + 81 bytes");
    assert_eq!(send(&mut post, actor, 80), Ok(()));
    for bytes in [10, 10, 80] {
        assert!(post.pop(actor, &mut hand));
        assert_eq!(hand.payload.as_slice(), vec![7; bytes]);
    }
    assert!(!post.pop(actor, &mut hand));
    assert_eq!(send(&mut post, actor, 400), Ok(()), "a large one, alone");
    assert_eq!((post.take_accepted(), post.take_refused()), (5, 3));
    assert!(post.pop(actor, &mut hand));
    post.close(actor);
    assert_eq!(send(&mut post, actor, 1), Err(SendError::NoSuchActor(actor)));
}

#[test]
fn a_successor_starts_empty_and_its_predecessor_is_stale() {
    let mut post = post();
    let first = ActorId::new(ShardId(0), 0, 1);
    let second = ActorId::new(ShardId(0), 0, 2);
    post.open(first, MailboxSpec::default());
    send(&mut post, first, 1).unwrap();
    assert!(post.pop(first, &mut Box::default()));
    post.close(first);
    post.open(second, MailboxSpec::default());
    assert_eq!(send(&mut post, first, 1), Err(SendError::NoSuchActor(first)));
    for _ in 0..3 {
        assert_eq!(send(&mut post, second, 1), Ok(()));
    }
}

#[test]
fn the_way_to_another_shard_is_bounded_until_messages_have_crossed() {
    let mut post = post();
    let far = ActorId::new(ShardId(1), 0, 1);
    assert_eq!(send(&mut post, far, 1), Ok(()));
    assert_eq!(send(&mut post, far, 1), Ok(()));
    assert_eq!(send(&mut post, far, 1), Err(SendError::OutboxFull(far)));
    assert!(post.flush());
    assert_eq!(send(&mut post, far, 1), Ok(()));
    let nowhere = ActorId::new(ShardId(7), 0, 1);
    assert_eq!(send(&mut post, nowhere, 1), Err(SendError::NoSuchActor(nowhere)));
    assert!(matches!(send(&mut post, far, 501), Err(SendError::TooLarge { .. })));
}

#[test]
fn what_has_not_expired_is_taken_together_and_can_be_put_back() {
    let mut post = post();
    let actor = ActorId::new(ShardId(0), 0, 1);
    post.open(actor, MailboxSpec::default());
    post.set_up(actor, true);
    let envelope = Envelope { to: actor, from: None, request: None, sent_at_ns: 0, expires_at_ns: 0 };
    for (number, expires_at_ns) in [(1, 0), (2, 0), (3, 9)] {
        post.send(Envelope { expires_at_ns, ..envelope }, 1, &[number][..]).unwrap();
    }
    let mut hands: Vec<Box<Message>> = (0..5).map(|_| Box::default()).collect();
    post.now_ns = 8;
    assert_eq!(post.pop_plain(actor, &mut hands), 3);
    post.put_back(actor, &mut hands[..3]);
    post.now_ns = 9;
    assert_eq!(post.pop_plain(actor, &mut hands), 2);
    post.put_back(actor, &mut hands[..2]);
    let numbers: Vec<u8> =
        std::iter::from_fn(|| post.pop(actor, &mut hands[0]).then(|| hands[0].payload[0])).collect();
    assert_eq!(numbers, [1, 2, 3]);
}
