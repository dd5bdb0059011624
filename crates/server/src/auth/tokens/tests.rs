//! What tokens promise.

use super::*;

const NOW: Instant = Instant::from_unix(1_782_000_000);

fn party(name: &str) -> PartyId {
    PartyId::new(name).expect("a name")
}

fn request(role: Role, of: Option<&str>) -> TokenRequest {
    TokenRequest {
        name: "laptop".into(),
        role,
        party: of.map(party),
        scopes: Scopes::from([Scope::Read, Scope::Write]),
        expires: None,
    }
}

fn principal(role: Role, of: Option<&str>) -> Principal {
    let scopes = Scopes::from([Scope::Read, Scope::Write]);
    Principal::new("token:tok_00000000000000aa", role, of.map(party), scopes, None).expect("fits")
}

/// A book with one token made from `request`, and its text.
fn book_with(request: TokenRequest) -> (TokenBook, NewToken) {
    let mut book = TokenBook::default();
    let new = request.draw("token:tok_00000000000000aa", NOW).expect("random bytes");
    book.apply(&new.event);
    (book, new)
}

#[test]
fn a_token_names_its_principal() {
    let (book, new) = book_with(request(Role::PartyUser, Some("tenant")));
    let who = book.lookup(new.secret.expose(), NOW).expect("let in");
    assert_eq!(who.id(), format!("token:{}", new.id));
    assert_eq!((who.role(), who.party()), (Role::PartyUser, Some(&party("tenant"))));
}

#[test]
fn the_stored_event_does_not_have_the_secret() {
    let (_, new) = book_with(request(Role::Operator, None));
    let stored = serde_json::to_string(&new.event).expect("JSON");
    let (_, secret) = split(new.secret.expose()).expect("well formed");
    assert!(!stored.contains(secret));
    assert!(!format!("{new:?}").contains(secret));
}

#[test]
fn a_refusal_does_not_tell_whether_the_name_exists() {
    let (book, new) = book_with(request(Role::Operator, None));
    let digits = new.id.as_str().strip_prefix("tok_").expect("a name").to_owned();
    let zeros = "0".repeat(SECRET_DIGITS);
    let wrong_secret = book.lookup(&format!("lh_{digits}_{zeros}"), NOW);
    let wrong_name = book.lookup(&format!("lh_{}_{zeros}", "0".repeat(ID_DIGITS)), NOW);
    assert_eq!(wrong_secret, Err(AuthRefusal::Invalid));
    assert_eq!(wrong_name, wrong_secret);
    for text in ["", "lh_", "lh__", "Lh_00", &digits, &new.secret.expose().to_uppercase()] {
        assert_eq!(book.lookup(text, NOW), Err(AuthRefusal::Invalid), "{text:?}");
    }
}

#[test]
fn what_is_over_is_over_from_its_second_on() {
    let end = Instant::from_unix(NOW.unix() + 10);
    let (mut book, new) =
        book_with(TokenRequest { expires: Some(end), ..request(Role::Finance, None) });
    let text = new.secret.expose();
    assert!(book.lookup(text, Instant::from_unix(end.unix() - 1)).is_ok());
    assert_eq!(book.lookup(text, end), Err(AuthRefusal::Expired));
    let revoked = |unix| TokenEvent::Revoked {
        id: new.id.clone(),
        at: Instant::from_unix(unix),
        by: "token:tok_00000000000000aa".into(),
    };
    book.apply(&revoked(NOW.unix() + 1));
    let once = book.clone();
    book.apply(&revoked(NOW.unix() + 2));
    assert_eq!(book, once, "revoking again changes nothing");
    assert_eq!(book.lookup(text, NOW), Err(AuthRefusal::Revoked));
}

#[test]
fn an_operator_makes_the_first_admin_of_a_party_and_no_other_of_its_tokens() {
    let operator = principal(Role::Operator, None);
    let first = request(Role::PartyAdmin, Some("tenant"));
    assert_eq!(first.check(&operator, &TokenBook::default(), NOW), Ok(()));
    let (book, new) = book_with(first.clone());
    let refusal = TokenRefusal::PartyHasAdmin { party: party("tenant") };
    assert_eq!(first.check(&operator, &book, NOW), Err(refusal));
    let user = request(Role::PartyUser, Some("tenant"));
    let refusal = TokenRefusal::NotYours { role: Role::PartyUser };
    assert_eq!(user.check(&operator, &book, NOW), Err(refusal));
    let mut without = book;
    without.apply(&TokenEvent::Revoked { id: new.id, at: NOW, by: operator.id().into() });
    assert_eq!(first.check(&operator, &without, NOW), Ok(()));
}

#[test]
fn nobody_hands_out_more_than_they_have() {
    let book = TokenBook::default();
    let admin = principal(Role::PartyAdmin, Some("tenant"));
    for role in [Role::PartyAdmin, Role::PartyUser, Role::Auditor] {
        assert_eq!(request(role, Some("tenant")).check(&admin, &book, NOW), Ok(()));
        assert!(request(role, Some("rival")).check(&admin, &book, NOW).is_err());
    }
    for role in [Role::Operator, Role::Finance, Role::Auditor] {
        assert!(request(role, None).check(&admin, &book, NOW).is_err(), "{role}");
        for (other, of) in [(Role::Finance, None), (Role::PartyUser, Some("tenant"))] {
            assert!(request(role, None).check(&principal(other, of), &book, NOW).is_err());
        }
    }
    let reader =
        Principal::new("x", Role::Operator, None, Scopes::from([Scope::Read]), None).expect("fits");
    let refusal = TokenRefusal::WiderThanOwn { scope: Scope::Write };
    assert_eq!(request(Role::Finance, None).check(&reader, &book, NOW), Err(refusal));
    let scrape =
        TokenRequest { scopes: Scopes::from([Scope::Metrics]), ..request(Role::Operator, None) };
    assert_eq!(scrape.check(&reader, &book, NOW), Ok(()));
}

#[test]
fn a_request_that_cannot_be_is_refused() {
    let operator = principal(Role::Operator, None);
    let refused = |request: TokenRequest| {
        request.check(&operator, &TokenBook::default(), NOW).expect_err("refused").to_string()
    };
    let named = |name: &str| TokenRequest { name: name.into(), ..request(Role::Finance, None) };
    for name in ["", "  ", "a\nb", &"n".repeat(65)] {
        assert!(refused(named(name)).contains("give 1 to 64"), "{name:?}");
    }
    let over = TokenRequest { expires: Some(NOW), ..request(Role::Finance, None) };
    assert!(refused(over).contains("would have ended"));
    assert!(refused(request(Role::PartyAdmin, None)).contains("name the party"));
}

/// Stored events are read for as long as the log lives: these texts never change.
#[test]
fn golden_events() {
    let golden = [
        r#"{"created":{"id":"tok_00000000000000ab","name":"laptop","role":"party_admin","party":"tenant","scopes":["read","write"],"secret_sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","created":"2026-06-21T00:00:00Z","expires":"2026-12-31T00:00:00Z","by":"token:tok_00000000000000aa"}}"#,
        r#"{"created":{"id":"tok_00000000000000aa","name":"first operator","role":"operator","party":null,"scopes":["read","write"],"secret_sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","created":"2026-06-21T00:00:00Z","expires":null,"by":"server"}}"#,
        r#"{"revoked":{"id":"tok_00000000000000ab","at":"2026-06-22T00:00:00Z","by":"token:tok_00000000000000aa"}}"#,
    ];
    let mut book = TokenBook::default();
    for text in golden {
        let event: TokenEvent = serde_json::from_str(text).expect("an old event is still read");
        assert_eq!(serde_json::to_string(&event).expect("JSON"), text);
        book.apply(&event);
    }
    assert!(book.has_operator(NOW) && !book.has_admin(&party("tenant"), NOW));
    let id = TokenId::new("tok_00000000000000ab").expect("a name");
    assert!(book.get(&id).is_some_and(|(record, revoked)| {
        record.secret_sha256 == sha256_hex("abc") && revoked.is_some()
    }));
    let unknown = golden[2].replace("\"by\"", "\"why\":1,\"by\"");
    assert!(serde_json::from_str::<TokenEvent>(&unknown).is_err());
}
