//! What the check finds wrong with calls of library functions.

use super::issues;

/// The first message of `source`, with its help.
fn error_of(source: &str) -> String {
    let found = issues(source);
    let first = found.first().unwrap_or_else(|| panic!("nothing is wrong with {source}"));
    first.help.as_ref().map_or(first.message.clone(), |help| format!("{} [{help}]", first.message))
}

#[test]
fn a_call_that_no_signature_takes_is_refused() {
    for (source, expected) in [
        ("body.first_name.indexOf(1) == 0", "`1` is an int, but what `indexOf` takes here is a string"),
        ("body.first_name.substring('a') == ''", "`'a'` is a string, but what `substring` takes here is an int"),
        ("body.first_name.replace('a') == ''", "`replace` takes 2 or 3 arguments, not 1"),
        ("[1].flatten(1, 2) == []", "`flatten` takes 0 or 1 argument, not 2"),
        ("math.abs('a') == 1", "`'a'` is a string, but what `math.abs` takes here is a number"),
        ("math.greatest() == 1", "`math.greatest` takes at least 1 arguments, not 0"),
        ("math.abz(1) == 1", "`math.abz` is not a function that policies know [did you mean `math.abs`?]"),
        ("body.first_name.strip() == ''", "`strip` is not a function that policies know [write `value.trim()`]"),
        ("'%d %s'.format([1]) == ''", "the format takes 2 values, not 1"),
        ("'%q'.format([1]) == ''", "not a format [there are `%s`, `%d`, `%f`, `%e`, `%b`, `%o`, `%x`, `%X` and `%%`]"),
        (
            "url(body.first_name).getHost() == 'a'",
            "`url` is not a function that policies know [a URL is a text here: write `value.find(\"^https://[^/]+\")` or `value.matches(...)`]",
        ),
        (
            "body.first_name.substr(1) == 'a'",
            "`substr` is not a function that policies know [write `value.substring(from, to)`]",
        ),
        (
            "[1].sortBy(1) == [1]",
            "`sortBy` is not a function that policies know [write `list.map(element, ...).sort()`]",
        ),
        (
            "abs(-1) == 1",
            "`abs` is not a function that policies know [it is in the library `math`, as in `math.abs(...)`]",
        ),
        (
            "[1, 'a'].sort() == []",
            "`[1, 'a'].sort()` never has a value: operator or function not for values of these types; what is absent is null",
        ),
        ("'abc'.charAt(4) == ''", "`'abc'.charAt(4)` never has a value: position outside of the text or list"),
        (
            "body.first_name.find(body.last_name) == ''",
            "the pattern of `find` must be known when the policy is loaded [write it as a text, or in `params`]",
        ),
    ] {
        assert_eq!(error_of(source), expected, "{source}");
    }
}

#[test]
fn types_go_through_functions_of_lists() {
    for source in [
        "body.first_name.split(',').first().startsWith('a')",
        "body.email_address.distinct().sort().all(it, it.endsWith('.org'))",
        "body.email_address.slice(0, 1)[0].lowerAscii() == 'a'",
        "body.first_name.matches('^' + 'a+' + '$')",
    ] {
        assert_eq!(issues(source), [], "{source}");
    }
    assert_eq!(
        error_of("body.first_name.split(',').first() == 1"),
        "`body.first_name.split(',').first()` is a string or null, never an int: the comparison is always false [write \"1\", with quotes]"
    );
}

#[test]
fn addresses_and_networks_are_those_of_kubernetes() {
    for source in [
        "isIP('10.0.0.1') && isIP('2001:db8::68') && !isIP('10.0.0.01') && !isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0')",
        "isCIDR('10.0.0.0/8') && isCIDR('10.1.2.3/8') && !isCIDR('10.0.0.0/33') && !isCIDR('10.0.0.0/08') && !isCIDR('10.0.0.0')",
        "cidr('192.168.0.0/24').containsIP('192.168.0.255') && !cidr('192.168.0.0/24').containsIP('192.168.1.0')",
        "cidr('192.168.0.0/24').containsCIDR('192.168.0.0/25') && !cidr('192.168.0.0/25').containsCIDR('192.168.0.0/24')",
        "!cidr('0.0.0.0/0').containsIP('::1') && cidr('::/0').containsIP(ip('2001:db8:0::68'))",
        "cidr('192.168.1.5/24').ip() == '192.168.1.5' && cidr('192.168.1.5/24').masked() == '192.168.1.0/24'",
        "cidr('::1/128').prefixLength() == 128 && ip('::1').family() == 6 && ip.isCanonical('::1')",
        "ip('0.0.0.0').isUnspecified() && ip('169.254.1.1').isLinkLocalUnicast() && ip('fe80::1').isLinkLocalUnicast()",
        "ip('224.0.0.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast()",
        "ip('192.168.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast() && !ip('127.0.0.1').isGlobalUnicast()",
    ] {
        assert_eq!(super::value(source, "{}"), Ok(Ok("true".to_owned())), "{source}");
    }
    assert!(error_of("cidr('10.0.0.0/40').containsIP('10.0.0.1')").contains("never has a value"));
}

/// Rules as they are published for Kubernetes and Kyverno, with the fields of a request in place of those of an object.
#[test]
fn expressions_of_kubernetes_load_as_they_are() {
    for source in [
        "has(body.public_metadata.labels) && body.public_metadata.labels.exists(label, label == 'owner')",
        "body.public_metadata.containers.all(it, it.image.startsWith('registry.example.org/'))",
        "!body.public_metadata.images.exists(image, image.endsWith(':latest') || !image.contains(':'))",
        "body.public_metadata.?annotations[?'team'].orValue('') != ''",
        "body.public_metadata.?spec.?replicas.orValue(1) <= 5",
        "body.public_metadata.?containers.orValue([]).map(it, it.name).isSorted()",
        "body.public_metadata.containers.map(it, it.cpu).sum() <= 4",
        "body.public_metadata.containers.filter(it, has(it.privileged)).size() == 0",
        "body.public_metadata.labels.all(key, value, key.matches('^[a-z]+$') && value != '')",
        "sets.contains(['NET_ADMIN', 'NET_RAW'], body.public_metadata.?drop.orValue([]))",
        "cel.bind(region, body.external_id.split('-')[0], region in ['eu', 'us'])",
        "body.email_address.all(it, it.split('@')[1].lowerAscii() in ['example.org'])",
        "isCIDR(body.public_metadata.allowed) && cidr(body.public_metadata.allowed).containsIP('10.0.0.1')",
        "body.first_name.find('[0-9]+') == '' && body.last_name.findAll('[A-Z]').size() == 1",
        "math.greatest(body.public_metadata.limits) <= 10 && body.public_metadata.limits.min() > 0",
        "body.public_metadata.`app.kubernetes.io/name` == 'web'",
    ] {
        assert_eq!(issues(source), [], "{source}");
    }
}
