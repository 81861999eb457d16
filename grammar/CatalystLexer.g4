// Words of the language. Bytes, not characters: the character stream hands out UTF-8 bytes, so every offset is a byte offset;
// bytes above ASCII all arrive as U+007F, because the lexer caches its transitions for ASCII only.
// What a lexer rule cannot know is settled by compiler/frontend/scan.cpp, which turns
//   - the `}` that ends an interpolation into INTERPOLATION_END,
//   - a run of words, dots, dashes and stars without blanks, where a target may stand, into one TARGET,
//   - the end of a line inside a table, where a row can end, into ROW_END,
//   - the name in front of `(call db.*`, which counts the past, into WINDOW, and the `past` of a test's past calls into PAST.
lexer grammar CatalystLexer;

tokens { TARGET, INTERPOLATION_END, ROW_END, WINDOW, PAST }

// declarations
PACK : 'pack' ;
IMPORT : 'import' ;
EXPORT : 'export' ;
DEFAULT : 'default' ;
SERVER : 'server' ;
AGENT : 'agent' ;
ENUM : 'enum' ;
RECORD : 'record' ;
LIST : 'list' ;
FACT : 'fact' ;
FN : 'fn' ;
RULE : 'rule' ;
DECISION : 'decision' ;
ROUTE : 'route' ;
FIXTURE : 'fixture' ;
PROPERTY : 'property' ;
TEST : 'test' ;

// clauses
SCHEMA : 'schema' ;
FROM : 'from' ;
ON : 'on' ;
CALL : 'call' ;
RESULT : 'result' ;
TOOLS : 'tools' ;
TOOL : 'tool' ;
RESOURCES : 'resources' ;
PROMPTS : 'prompts' ;
READ : 'read' ;
PROMPT : 'prompt' ;
COMPLETE : 'complete' ;
SAMPLE : 'sample' ;
ELICIT : 'elicit' ;
ROOTS : 'roots' ;
SESSION : 'session' ;
REPLY : 'reply' ;
EVENT : 'event' ;
WHEN : 'when' ;
WHERE : 'where' ;
GIVEN : 'given' ;
THEN : 'then' ;
EXPECT : 'expect' ;
RETURNING : 'returning' ;
BY : 'by' ;
TABLE : 'table' ;
OTHERWISE : 'otherwise' ;
CASES : 'cases' ;
PRIORITY : 'priority' ;

// effects and expectations
ALLOW : 'allow' ;
DENY : 'deny' ;
HIDE : 'hide' ;
DESCRIBE : 'describe' ;
SET : 'set' ;
REDACT : 'redact' ;
AUDIT : 'audit' ;
TAG : 'tag' ;
LIMIT : 'limit' ;
PER : 'per' ;
BURST : 'burst' ;
REQUIRE : 'require' ;
WITHIN : 'within' ;
EMIT : 'emit' ;
START : 'start' ;
LABEL : 'label' ;
METADATA : 'metadata' ;
FULL : 'full' ;
HIDDEN_ : 'hidden' ;
LISTED : 'listed' ;
REDACTED : 'redacted' ;
ERROR : 'error' ;
MESSAGE : 'message' ;

// routes
TO : 'to' ;
WEIGHT : 'weight' ;
PREFER : 'prefer' ;
BALANCE : 'balance' ;
HASH : 'hash' ;
TIMEOUT : 'timeout' ;
RETRY : 'retry' ;
BACKOFF : 'backoff' ;
BREAKER : 'breaker' ;
FAILURES : 'failures' ;
OPEN : 'open' ;
HEDGE : 'hedge' ;
AFTER : 'after' ;
CACHE : 'cache' ;
SHARED : 'shared' ;
SHADOW : 'shadow' ;
REPEATABLE : 'repeatable' ;

// expressions
OR : 'or' ;
AND : 'and' ;
NOT : 'not' ;
IN : 'in' ;
IS : 'is' ;
PRESENT : 'present' ;
ABSENT : 'absent' ;
MATCHES : 'matches' ;
STARTS : 'starts' ;
ENDS : 'ends' ;
WITH : 'with' ;
CONTAINS : 'contains' ;
SUBSET : 'subset' ;
OF : 'of' ;
INTERSECTS : 'intersects' ;
UNION : 'union' ;
INTERSECT : 'intersect' ;
EXCEPT : 'except' ;
AS : 'as' ;
IF : 'if' ;
ELSE : 'else' ;
ANY : 'any' ;
ALL : 'all' ;
NONE : 'none' ;
SATISFIES : 'satisfies' ;
FOR : 'for' ;
TRUE : 'true' ;
FALSE : 'false' ;
MAP : 'map' ;

COALESCE : '??' ;
OPTIONAL_DOT : '?.' ;
OPTIONAL_BRACKET : '?[' ;
QUESTION : '?' ;
EQUAL : '==' ;
NOT_EQUAL : '!=' ;
LESS_EQUAL : '<=' ;
GREATER_EQUAL : '>=' ;
REGEX : '=~' ;
ARROW : '->' ;
FAT_ARROW : '=>' ;
LESS : '<' ;
GREATER : '>' ;
ASSIGN : '=' ;
PLUS : '+' ;
MINUS : '-' ;
STAR : '*' ;
SLASH : '/' ;
PERCENT : '%' ;
RANGE_BELOW : '..<' ;
RANGE : '..' ;
DOT : '.' ;
COMMA : ',' ;
COLON : ':' ;
PIPE : '|' ;
AT : '@' ;
LEFT_PAREN : '(' ;
RIGHT_PAREN : ')' ;
LEFT_BRACKET : '[' ;
RIGHT_BRACKET : ']' ;
LEFT_BRACE : '{' -> pushMode(DEFAULT_MODE) ;
RIGHT_BRACE : '}' -> popMode ;

VERSION : DIGITS '.' DIGITS '.' DIGITS ('-' [A-Za-z0-9]+ ('.' [A-Za-z0-9]+)*)? ;
// Units and the placing of underscores are checked when the tree is built, to say what is wrong with them.
NUMBER : [0-9] [0-9_]* ('.' [0-9] [0-9_]*)? ('%' | [A-Za-z] [A-Za-z0-9_]*)? ;
IDENTIFIER : [A-Za-z_] [A-Za-z0-9_]* ;
STRING_BEGIN : '"' -> pushMode(TEXT_MODE) ;

DOC_COMMENT : '///' ~[\n]* -> channel(HIDDEN) ;
LINE_COMMENT : '//' ~[\n]* -> channel(HIDDEN) ;
BLOCK_COMMENT : '/*' .*? '*/' -> channel(HIDDEN) ;
OPEN_COMMENT : '/*' ;
NEWLINE : '\n' -> channel(HIDDEN) ;
BLANK : [ \t\r]+ -> skip ;
INVALID : '&&' | '||' | '\'' ~['"\n]* '\'' | [\u007F]+ | . ;

fragment DIGITS : [0-9]+ ;

mode TEXT_MODE;
STRING_END : '"' -> popMode ;
ESCAPE : '\\u{' [0-9A-Fa-f]* '}' | '\\' ~[\n] ;
DOUBLE_BRACE : '{{' | '}}' ;
INTERPOLATION_BEGIN : '{' -> pushMode(DEFAULT_MODE) ;
STRAY_BRACE : '}' ;
TEXT : ~["\\{}\n]+ ;
// A string ends on its line.
STRING_CUT : ('\\'? '\n' | '\\') -> popMode ;
