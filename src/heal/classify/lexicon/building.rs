//! The change or the plan is wrong: what does not parse, compile or link, what the project does not
//! have, what contradicts what is there.

use super::{Rule, rule};
use crate::domain::failure::{
    Cause::{Build, Missing, Plan},
    ErrorType::Logic,
};

pub(super) const RULES: &[Rule] = &[
    rule(
        "building.syntax",
        Logic,
        Build,
        r"\b(?:SyntaxError|IndentationError|TabError|TokenError|ParseException|ParserError|CompileError)\b|syntax error|(?:^|[ :(])pars(?:e|ing) error\b|\binvalid[- ]syntax\b|unexpected (?:token|end of (?:file|input|statement)|identifier|keyword|indent|EOF|character|symbol|'|\x22)|unterminated (?:string|quoted|comment|character|regexp)|unclosed (?:delimiter|string|brace)|unbalanced|missing (?:semicolon|bracket|brace|parenthes|terminating)|cannot (?:parse|format)\b|can't parse|does not parse|unable to compile|expected .{1,30} (?:before|after|but found|near|to close|at end)|illegal (?:start of|character)|unmatched|malformed (?:expression|statement)|(?:here-document|EOF) .{0,40}delimited|unexpected EOF while looking|Can't find string terminator|\bBareword \x22|Global symbol \x22",
    ),
    rule(
        "building.compile",
        Logic,
        Build,
        r"\bcould not compile\b|COMPILATION ERROR|Compilation (?:failed|error|failure|aborted)|compile error|compilation terminated|error: cannot find symbol|cannot find symbol|build failed\b|Build FAILED|\[build failed\]|failed to compile|does not compile|TypeScript error|error TS\d+|type error|Type '.*' is not assignable|mismatched types|incompatible types|undeclared|implicit declaration|no member named|has no (?:member|field|method)|undefined: |not declared in this scope|imported and not used|declared (?:and|but) not used|unresolved (?:import|reference|external|identifier|name)|Undefined (?:name|variable|symbol)|undefined (?:reference|symbol|name)|duplicate (?:definition|symbol|declaration|case|key value in map)|multiple definition|redefinition of|already (?:been )?(?:declared|defined)|ld returned|linking with .* failed|linker command failed|static assertion failed|import cycle|circular (?:import|dependency|reference)|dependency cycle|cyclic|import file mismatch|undeclared resource|cannot import name|partially initialized module|attempted relative import|does not provide an export named|is not exported|No known conditions|has no exported member|not in scope|is not a (?:member|type)|too (?:many|few) arguments (?:to|in call|for)|no matching function|cannot use .* as .* in|redeclared",
    ),
    rule(
        "building.target",
        Logic,
        Missing,
        r"No rule to make target|no (?:test|bin|example|bench|lib|library)\w* target|No such (?:target|task|test|job|step|stage)|(?:target|task|goal|step|job|stage|suite|test|spec|feature|workspace|module|package\(s\)|project) [`'\x22]?\S+[`'\x22]? (?:was |is )?(?:not found|does not exist|not exist|unknown|undefined|not defined)|does not (?:contain|have) (?:this|the|a|these) (?:feature|target|task|test)|none of the selected packages|did not match any (?:packages|file|test|of|workspace)|unknown (?:target|task|test|lifecycle phase|goal|feature|revision|branch|workspace)|Unknown lifecycle|cannot find (?:target|task)|depends on (?:unknown|undefined|missing)|not found in workspace|No workspaces found|no (?:input )?files? (?:matching|found|specified|were found|matched)|No files? (?:found )?match|Could not find or load main class|ClassNotFoundException: (?:com|org|app)\.\S+$|no such (?:file or directory, )?(?:script|test)|ambiguous (?:argument|reference)|no such target|task .* is not defined|Don't know how to build|\bdo(?:es)? not know (?:the|about|how|any)\b|unknown rule",
    ),
    rule(
        "building.no_tests",
        Logic,
        Missing,
        r"Start directory is not importable|Cannot find source file|No SOURCES given|no tests? (?:ran|run|collected|found|to run|were (?:found|executed|run)|matched|match|files found|specified|executed|available|cases)|\b\d+ deselected\b|No tests found|found no tests|0 tests? (?:collected|executed|found|ran)|Ran 0 tests|No test (?:files|suites?|specs?|cases?)\b.{0,20}(?:found|match|executed)|no testcases|No examples found|NO TESTS RAN|matches no test|filter .{0,40}(?:matches|matched) (?:no|nothing)|No tests? (?:were|was) executed|No specs? found|no tests were",
    ),
    rule(
        "building.merge",
        Logic,
        Plan,
        r"^CONFLICT \(|Automatic merge failed|merge conflict|patch (?:failed|does not apply)|Merge conflict|needs merge|unmerged (?:files|paths)|would be overwritten by|your local changes|non-fast-forward|\[rejected\]|fetch first|Updates were rejected|could not apply|hunks? (?:FAILED|failed)|corrupt patch|patch fragment without|No valid patches|not possible to fast-forward|unrelated histories|Hunk #\d+ FAILED|Reversed \(or previously applied\) patch|nothing to commit|no changes added to commit|nothing added to commit|already exists(?: in|\.|$| and)|Only garbage was found in the patch|diverg",
    ),
    rule(
        "building.revision",
        Logic,
        Missing,
        r"pathspec .* did not match|unknown revision|bad (?:revision|object|ref)|not a valid (?:object|ref|commit|branch)|couldn't find remote ref|src refspec .* does not match|invalid reference|no such (?:ref|branch|commit|tag|revision)|Remote branch .* not found|not something we can merge|not a commit|did not match any file|ambiguous argument|does not have any commits|reference is not a tree|Needed a single revision",
    ),
    rule(
        "building.query",
        Logic,
        Build,
        r"(?:relation|column|table|view|schema|function|type|index|constraint) \x22[^\x22]*\x22 (?:of relation .* )?does not exist|no such (?:table|column|function|index)|Unknown column|Table '.*' doesn't exist|(?:relation|column|table|type) \x22[^\x22]*\x22 (?:specified more than once|already exists)|syntax error at or near|near \x22.*\x22: syntax error|SQL syntax|migration .{0,40}(?:conflict|missing|not found)",
    ),
    rule(
        "building.request",
        Logic,
        Plan,
        r"\b(?:HTTP(?:/[\d.]+)?|status|code|error|returned(?: an?)?(?: error)?|got|answered|responded)\b:?[^0-9\n]{0,25}\b(?:400|405|409|413|414|415|422|431)\b|\b400 Bad Request|\b413 (?:Payload|Request|Content)|422 Unprocessable|(?:ERROR|HTTP\S*|status|code|error) \b40[4]|410 Gone|Bad Request|Payload Too Large|Request Entity Too Large|URI Too Long|Argument list too long|URL using bad/illegal|malformed (?:url|request|uri)|invalid request|No host part in the URL|URL rejected|request too large|prompt is too long|context length|Method Not Allowed",
    ),
    rule(
        "building.plan",
        Logic,
        Plan,
        r"cycl(?:e|ic)\b.{0,40}(?:depend|detected|between|graph)|depend\w* .{0,30}cycl|unknown depend|contradict|(?:plan|step|task) .{0,60}(?:does not exist|unknown|not found|refers? to|names?)|empty plan|(?:plan|migration|workflow|pipeline|schedule)\b.{0,30} (?:is )?(?:rejected|invalid|refused|inconsistent|contradictory)|used twice|defined twice|no steps|topological|self[- ]depend|cannot order (?:the )?(?:steps|tasks|plan)|\w+ -> \w+ -> \w+",
    ),
];
