// Sentences of the language. The parser sees one declaration at a time (compiler/frontend/scan.cpp cuts the tokens where
// declarations begin), so a broken declaration never hides the next one. Every decision is made by two tokens of lookahead at
// most, or settled for the longest match, so SLL prediction is exact. Precedence of operators is not in the grammar: an
// expression is a flat list that compiler/frontend/build_expr.cpp folds, which keeps long chains off the stack.
parser grammar CatalystParser;

options { tokenVocab = CatalystLexer; superClass = ParserBase; contextSuperClass = Node; }
@parser::postinclude { #include "compiler/frontend/parser_base.h" }

segment : declaration EOF ;

declaration : annotation* declared ;
// Which declarations may have annotations, and which ones, is checked when the tree is built.
declared
  : packDecl
  | importDecl
  | defaultDecl
  | serverDecl
  | agentDecl
  | enumDecl
  | recordDecl
  | listDecl
  | factDecl
  | fnDecl
  | ruleDecl
  | decisionDecl
  | routeDecl
  | fixtureDecl
  | propertyDecl
  | testDecl
  ;

packDecl : PACK name (DOT anyName)* version ;
version : VERSION | NUMBER ;
importDecl : IMPORT name (DOT anyName)* (FROM string)? (AS name)? ;
defaultDecl : DEFAULT (ALLOW | DENY) (ON hook)? ;
serverDecl : SERVER name (SCHEMA string)? ;
agentDecl : AGENT name (IDENTIFIER string)? ;
enumDecl : EXPORT? ENUM name LEFT_BRACE anyName (COMMA anyName)* COMMA? RIGHT_BRACE ;
recordDecl : EXPORT? RECORD name LEFT_BRACE fieldDecl* RIGHT_BRACE ;
fieldDecl : anyName COLON type COMMA? ;
listDecl : EXPORT? LIST name COLON type ASSIGN expression ;
factDecl : EXPORT? FACT name (COLON type)? ASSIGN expression ;
fnDecl : EXPORT? FN name LEFT_PAREN (parameter (COMMA parameter)* COMMA?)? RIGHT_PAREN ARROW type ASSIGN expression ;
parameter : name COLON type ;

ruleDecl : RULE name ON hook targets? condition? onError? effect+ ;
annotation : AT anyName (LEFT_PAREN annotationValue RIGHT_PAREN)? ;
annotationValue : string | date | NUMBER (BY expression)? ;
date : NUMBER MINUS NUMBER MINUS NUMBER ;
condition : WHEN expression ;
onError : ON ERROR (DENY | IDENTIFIER) ;
hook
  : CALL | RESULT | LIST (TOOLS | RESOURCES | PROMPTS) | READ | PROMPT | COMPLETE | SAMPLE | ELICIT | ROOTS | SESSION
  | MESSAGE | REPLY | EVENT
  ;
targets : target (COMMA target)* ;
// The form that a hook wants is checked when the tree is built, to say what it is.
target : TARGET (FROM TARGET)? | FROM TARGET ;

decisionDecl
  : EXPORT? DECISION name LEFT_PAREN (parameter (COMMA parameter)* COMMA?)? RIGHT_PAREN ARROW type (decisionRules | ASSIGN table)
  ;
decisionRules : LEFT_BRACE (decisionRule | otherwise)* RIGHT_BRACE ;
decisionRule : RULE name WHEN expression FAT_ARROW expression ;
otherwise : OTHERWISE FAT_ARROW expression ;
table : TABLE anyName LEFT_BRACE expression (PIPE expression)* FAT_ARROW tableRow? (ROW_END tableRow)* RIGHT_BRACE ;
tableRow : otherwise | (name COLON)? cell (PIPE cell)* FAT_ARROW expression (PRIORITY MINUS? NUMBER)? ;
cell : NOT? cellTest (COMMA cellTest)* ;
cellTest
  : ANY
  | PRESENT
  | ABSENT
  | (LESS | LESS_EQUAL | GREATER | GREATER_EQUAL) cellValue
  | (MATCHES | STARTS WITH | ENDS WITH | CONTAINS | IN) cellValue
  | cellValue ((RANGE | RANGE_BELOW) cellValue)?
  ;
cellValue : MINUS? primary postfix* ;

effect
  : ALLOW string?
  | DENY string?
  | HIDE (TOOL targets)?
  | DESCRIBE string
  | SET place ASSIGN expression
  | REDACT place (COMMA place)* (IN place)?
  | AUDIT (METADATA | FULL)?
  | TAG key (ASSIGN expression)?
  | LIMIT NUMBER PER NUMBER (BY expression)? (BURST NUMBER)?
  | REQUIRE name (FROM name string)? (WITHIN NUMBER)?
  | EMIT string recordLiteral?
  | START name LEFT_PAREN (expression (COMMA expression)* COMMA?)? RIGHT_PAREN
  | ROUTE name
  | LABEL name
  ;
key : anyName | string ;
place : primary postfix* ;

routeDecl : ROUTE name FOR CALL targets routeClause* ;
routeClause
  : TO routeTarget (COMMA routeTarget)*
  | PREFER key condition
  | BALANCE (HASH expression | IDENTIFIER)
  | TIMEOUT NUMBER
  | RETRY NUMBER (ON name (COMMA name)*)? (BACKOFF NUMBER (RANGE NUMBER)?)?
  | BREAKER NUMBER FAILURES IN NUMBER OPEN NUMBER
  | HEDGE AFTER NUMBER
  | CACHE NUMBER SHARED? (BY expression (COMMA expression)*)?
  | SHADOW key NUMBER
  | REPEATABLE
  ;
// Servers go by their names in the configuration, which may be no words.
routeTarget : key (WEIGHT NUMBER)? ;
propertyDecl : PROPERTY name LEFT_BRACE FOR ANY hook targets? (WHERE expression)? EXPECT NOT? (ALLOW | DENY) RIGHT_BRACE ;

fixtureDecl : FIXTURE name (COLON type)? ASSIGN expression ;
testDecl : TEST string LEFT_BRACE (testExpect+ | cases? given* testWhen testThen+) RIGHT_BRACE ;
testExpect : EXPECT expression ;
cases : CASES LEFT_BRACE name (PIPE name)* (ROW_END caseRow)+ RIGHT_BRACE ;
caseRow : expectation (PIPE expectation)* ;
given : GIVEN (PAST hook target recordLiteral? pastPart* | anyName expression) ;
pastPart : NUMBER IDENTIFIER ;
testWhen : WHEN (hook target? recordLiteral? (RETURNING expression)? | expression) ;
// Behind a value without a comma only a keyword goes on: `f (x)` is a call.
testThen : THEN expectation (COMMA expectation | verdict)* ;
expectation : NOT? verdict | expression by? ;
verdict
  : ALLOW by?
  | DENY by?
  | HIDDEN_ by?
  | LISTED
  | SET place (ASSIGN expression)? by?
  | REDACTED resultPath? by?
  | AUDIT (METADATA | FULL)? by?
  | TAG key (ASSIGN expression)? by?
  | DESCRIBE string by?
  | REQUIRE name (FROM name string)? by?
  | (LIMIT | EMIT string | START name | LABEL name) by?
  | ROUTE name (TO key)? by?
  | ERROR (IDENTIFIER)? by?
  | MESSAGE string
  ;
by : BY (name NUMBER? | OTHERWISE) ;
resultPath : (RESULT | CALL | SAMPLE | ELICIT | REPLY | IDENTIFIER) pathStep* ;

type : (LIST LESS type GREATER | SET LESS type GREATER | MAP LESS type COMMA type GREATER | typeName) QUESTION? ;
typeName : word (DOT word)? ;

expression : operand (binaryOperator operand)* ;
operand
  : (NOT | MINUS)* (primary postfix* (AS type)* (IS (PRESENT | ABSENT))? | ifExpression | quantifier)
  ;
binaryOperator
  : OR | AND | COALESCE
  | EQUAL | NOT_EQUAL | LESS | LESS_EQUAL | GREATER | GREATER_EQUAL
  | IN | NOT IN | MATCHES | REGEX | STARTS WITH | ENDS WITH | CONTAINS | SUBSET OF | INTERSECTS
  | UNION | INTERSECT | EXCEPT
  | PLUS | MINUS | STAR | SLASH | PERCENT
  ;
primary
  : TRUE
  | FALSE
  | NUMBER
  | string
  | window
  | name recordLiteral?
  | recordLiteral
  | listLiteral
  | LEFT_PAREN expression RIGHT_PAREN
  ;
postfix : pathStep recordLiteral? | LEFT_PAREN (expression (COMMA expression)* COMMA?)? RIGHT_PAREN ;
window : WINDOW LEFT_PAREN hook targets (OF expression)? (BY expression)? WITHIN NUMBER RIGHT_PAREN ;
pathStep : (DOT | OPTIONAL_DOT) anyName | (LEFT_BRACKET | OPTIONAL_BRACKET) expression RIGHT_BRACKET ;
ifExpression : IF expression THEN expression ELSE expression ;
quantifier : (ANY | ALL | NONE) variables IN expression SATISFIES expression ;
variables : name (COMMA name)? ;
listLiteral : LEFT_BRACKET (expression (comprehension | (COMMA expression)* COMMA?))? RIGHT_BRACKET ;
comprehension : FOR variables IN expression (IF expression)? ;
recordLiteral : LEFT_BRACE (fieldInit (COMMA fieldInit)* COMMA?)? RIGHT_BRACE ;
fieldInit : key COLON expression ;
string : STRING_BEGIN stringPart* STRING_END ;
stringPart : TEXT | ESCAPE | DOUBLE_BRACE | STRAY_BRACE | INTERPOLATION_BEGIN expression? INTERPOLATION_END ;

word
  : IDENTIFIER
  | TO | WEIGHT | PREFER | BALANCE | HASH | TIMEOUT | RETRY | BACKOFF | BREAKER
  | FAILURES | OPEN | HEDGE | AFTER | CACHE | SHARED | SHADOW | REPEATABLE
  ;
// Words that are free to be names because no expression is built from them.
name
  : word
  | PACK | IMPORT | EXPORT | DEFAULT | SERVER | AGENT | ENUM | RECORD | LIST | FACT | RULE | TEST | SCHEMA | FROM | EXPECT
  | CALL | RESULT | TOOLS | TOOL | RESOURCES | PROMPTS | READ | PROMPT | COMPLETE | SAMPLE | ELICIT | ROOTS | SESSION
  | REPLY | EVENT
  | LIMIT | PER | BURST | REQUIRE | WITHIN | EMIT | START | ROUTE | LABEL
  | TAG | METADATA | FULL | HIDDEN_ | LISTED | REDACTED | ERROR | MESSAGE | MAP
  | DECISION | FIXTURE | PROPERTY | TABLE | CASES | PRIORITY | WHERE | DESCRIBE
  ;
// After a dot and before a colon every word is a name.
anyName
  : name
  | FN | OTHERWISE | ON | WHEN | GIVEN | THEN | RETURNING | BY | ALLOW | DENY | HIDE | SET | REDACT | AUDIT
  | OR | AND | NOT | IN | IS | PRESENT | ABSENT | MATCHES | STARTS | ENDS | WITH | CONTAINS | SUBSET | OF | INTERSECTS
  | UNION | INTERSECT | EXCEPT | AS | IF | ELSE | ANY | ALL | NONE | SATISFIES | FOR | TRUE | FALSE
  ;
