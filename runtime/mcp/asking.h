#pragma once

// What servers ask of clients: model samples, user input, roots. The old generation sends requests for it,
// the new one answers a call with what it still needs (SEP-2322); both carry the same parameters and results.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

enum class AskKind : uint8_t { Sampling, Elicitation, Roots };

/// nullopt for a method that asks nothing of a client.
std::optional<AskKind> ask_kind(std::string_view method);

/// Whether a client that declared these capabilities (JSON object text, of either generation) can be asked
/// this. A form needs `elicitation` or `elicitation.form`, an address `elicitation.url`, tools in a sample
/// `sampling.tools`.
bool can_be_asked(std::string_view capabilities_json, AskKind kind, std::string_view params_json);
/// Whether it can be asked anything at all.
bool can_be_asked(std::string_view capabilities_json);

/// Whether a server may ask while it serves this method (tools/call, prompts/get, resources/read).
bool asks_clients(std::string_view method);

/// Begins the ids of the questions that this process asks: eight characters, others for every process.
std::string_view asking_engine();
/// Whether text, JSON or not, is the id of a question that another process asked.
bool asked_elsewhere(std::string_view id);
/// Whether a member of an inputResponses object answers such a question.
bool answers_elsewhere(std::string_view responses_json);

/// The part of a legacy client's capabilities that speaks about asking, in the form of the new generation.
std::string asking_capabilities(std::string_view capabilities_json);
/// What the gateway declares where it does not know for whom: a server then offers everything.
inline constexpr std::string_view kAllCapabilities =
    R"({"elicitation":{"form":{},"url":{}},"roots":{"listChanged":true},"sampling":{"context":{},"tools":{}}})";

struct Question {
  std::string key;  // under which the answer goes back
  AskKind kind = AskKind::Roots;
  std::string method;
  std::string params;  // JSON object text, or ""
};

/// True for a result that asks instead of answering.
bool wants_input(std::string_view result_json);
/// The questions of such a result; nullopt when one of them is none that we know.
std::optional<std::vector<Question>> read_questions(std::string_view result_json);
/// The reverse. `request_state` "" for none.
std::string input_required(std::span<const Question> questions, std::string_view request_state,
                           std::string_view server_info);
/// Which kind of question a client's answer in inputResponses belongs to, by its shape.
std::optional<AskKind> kind_of_answer(std::string_view answer_json);
/// The inputRequests object of these questions.
std::string questions_json(std::span<const Question> questions);
/// A question's params for a client of that generation: an address has an `elicitationId` in the old one
/// alone.
std::string bridge_question(const Question& question, Era client);

/// {"jsonrpc":"2.0","id":ID,"method":METHOD[,"params":PARAMS]}
std::string request_message(std::string_view id_json, std::string_view method, std::string_view params);

/// The addresses that a legacy server wants opened before it serves the call (error -32042); nullopt when the
/// error is another one or broken.
std::optional<std::vector<Question>> read_url_elicitations(std::string_view error_json);

}  // namespace catalyst::mcp
