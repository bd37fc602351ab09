//! Somebody refused because it is not allowed, not because it failed.

use super::{Rule, rule};
use crate::domain::failure::{Cause::Policy, ErrorType::Safety};

pub(super) const RULES: &[Rule] = &[
    // A rule-giver is named together with a refusal, in either order.
    rule(
        "policy.refused",
        Safety,
        Policy,
        r"\b(?:block|den(?:y|ied)|refus|reject|forbid|forbidden|disallow|prohibit|not (?:allow|permit)|prevent|restrict|veto|stopp|declin)\w*\b[^.;]{0,60}?\b(?:by|due to|per|under|because of|against|violates?)\b[^.;]{0,40}\b(?:polic(?:y|ies)|rules?|rule ?set|guard\w*|gate\w*|sandbox\w*|hook|firewall|allow-?list|deny-?list|block-?list|admin\w*|governance|compliance|seccomp|apparmor|selinux|profile)\b",
    ),
    // A refusal that names the policy's own rule after a colon.
    rule(
        "policy.named",
        Safety,
        Policy,
        r"\b(?:refused|denied|blocked|rejected|forbidden|disallowed|vetoed): ?[\w-]*(?:policy|guard|gate|sandbox|firewall|allow-?list|deny-?list)\b",
    ),
    rule(
        "policy.gives",
        Safety,
        Policy,
        r"\b(?:polic(?:y|ies)|guard(?:rail)?s?|gatekeeper|sandbox|firewall|security manager|access control|seccomp|apparmor|selinux|commandgate|command gate)\b[^.;=]{0,50}\b(?:block|den(?:y|ied|ies)|refus|reject|forbid|forbade|disallow|prohibit|does not (?:allow|permit)|do not allow|not (?:allowed|permitted)|violat|kill)",
    ),
    rule(
        "policy.violation",
        Safety,
        Policy,
        r"\b(?:verdict|decision|result|status)[ :=]+(?:is )?(?:DEN(?:Y|IED)|BLOCK(?:ED)?|REFUSED?|REJECT(?:ED)?|FORBIDDEN)\b|\b(?:commit|push|merge|deploy\w*|request|command|action|change|write|upload|release) (?:is |was |has been )?(?:blocked|denied|refused|vetoed|forbidden)\b|policy[ -](?:violation|check failed|denied|breach|error)|\bviolat(?:es?|ed|ion of|ing) (?:the |our |a )?(?:[\w-]+ ){0,4}(?:polic(?:y|ies)|rules?|guidelines)|\bforbidden by\b|\bnot permitted by\b|\boutside (?:of )?(?:the )?(?:workspace|sandbox|allowed|permitted|project root)|\bescapes? (?:the )?(?:workspace|sandbox|root|base)|path traversal|\bnot (?:on|in) (?:the )?(?:allow|white|safe)[- ]?list|\b(?:is|are|on) (?:the )?(?:deny|block|black)[- ]?list(?:ed)?\b|\(denied list\)|\b(?:is|are) on the [\w-]+ list\b|\b(?:step|call|tool|syscall|module|import)\b.{0,20}: (?:blocked|denied)\b",
    ),
    // Secret scanners.
    rule(
        "policy.secret",
        Safety,
        Policy,
        r"\b(?:secrets?|credentials?|private key|api[ _-]?key|token|password)s?\b[^.;:]{0,40}\b(?:detected|found in|leaked|exposed|committed|must not be|in (?:the )?(?:diff|commit|staged|source))|\bleaks? (?:found|detected)|\bpotential secret|\bsecret[- ]scan\w*[^.]*\b(?:fail|found|block|detect)|(?:secret|credential|key)\w*[- ]?scan\w*: .*finding|push protection|possible (?:aws|private|api|secret)[\w ]* key|contains? (?:a |an )?(?:secret|private key|credential)|refusing to commit|\b\d+ (?:tokens?|secrets?|keys?|credentials?) found|may hold (?:credentials|secrets)",
    ),
    // Hooks and protected branches of a server.
    rule(
        "policy.hook",
        Safety,
        Policy,
        r"\b(?:pre-receive|update|pre-commit|commit-msg|pre-push) hook (?:declined|refused|rejected|exited|failed)|\(hook declined\)|hook declined|protected branch|GH00\d:|GL-HOOK-ERR",
    ),
    // Sandboxes of languages and of the kernel.
    rule(
        "policy.sandbox",
        Safety,
        Policy,
        r"ERR_ACCESS_DENIED|AccessControlException|access .{0,30}has been restricted|\bmay not (?:start|open|read|write|access|use|connect|spawn|load|call|touch|leave)\b|open_basedir restriction|Bad system call|\bSIGSYS\b|has been disabled for security|(?:disabled|not allowed) for security reasons|requires? --allow-\w+|NotCapable|run again with the --allow|\brestricted: (?:cannot|command)|: restricted$|not allowed in restricted|SecurityException|attempted to (?:read|write) outside",
    ),
    rule(
        "policy.protocol",
        Safety,
        Policy,
        r"transport '[^']*' not allowed|protocol '[^']*' (?:not supported|is disabled|not allowed) by policy|(?:scheme|protocol) \S+ (?:is )?not allowed",
    ),
    rule(
        "policy.filter",
        Safety,
        Policy,
        r"content[ _](?:policy|filter|management policy)|safety (?:system|filter|settings)|flagged (?:as|by)|responsible ai",
    ),
    rule(
        "policy.egress",
        Safety,
        Policy,
        r"\b(?:egress|outbound|network access)\b[^.;]{0,50}\b(?:block|den|forbid|refus|not allowed|disabled)",
    ),
    rule(
        "policy.refusing",
        Safety,
        Policy,
        r"\brefus(?:ed|ing|es) to (?:run|execute|delete|remove|touch|write|overwrite|push|continue|operate)\b[^.]*(?:dangerous|recursively|protected|outside|production|root|secret)|dangerous to operate recursively|\bcommand (?:is )?not (?:permitted|allowed)\b|\bnot an allowed command|\boperation (?:is )?not allowed (?:in|by|for)\b",
    ),
];
