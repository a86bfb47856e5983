//! The examples run, and print what they promise.

#[path = "../../../examples/embed.rs"]
mod embed;
#[path = "../../../examples/judge.rs"]
mod judge;

fn output(run: impl FnOnce(&mut Vec<u8>) -> Result<(), Box<dyn std::error::Error>>) -> String {
    let mut output = Vec::new();
    run(&mut output).expect("the example ends well");
    String::from_utf8(output).expect("text")
}

#[test]
fn embed_prints_an_allowed_and_a_refused_request() {
    let text = output(embed::run);
    let (allowed, refused) = text.split_once("\n\n").expect("two requests");
    assert!(allowed.starts_with("HTTP/1.1 200 OK\nupdated user_1 with 20 judged bytes\n"), "{text}");
    assert!(allowed.contains("record: allow UpdateUser reason=none status=200 "), "{text}");
    assert!(refused.starts_with("HTTP/1.1 422 "), "{text}");
    assert!(refused.contains("record: deny UpdateUser reason=policy_denied status=422 "), "{text}");
    assert!(refused.contains(r#"violations=["skip_password_checks is not allowed in production"]"#), "{text}");
    embed::main().expect("the example ends well");
}

#[test]
fn judge_prints_a_permit_and_a_reason() {
    let text = output(judge::run);
    let expected =
        "allow: 20 bytes may be forwarded\ndeny: policy_denied\n  skip_password_checks is not allowed in production\n";
    assert_eq!(text, expected);
    judge::main().expect("the example ends well");
}
