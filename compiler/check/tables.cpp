#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "compiler/check/cover.h"
#include "compiler/check/decisions.h"
#include "compiler/check/expr.h"
#include "compiler/check/narrowing.h"
#include "compiler/check/table_cells.h"
#include "compiler/ir/print.h"
#include "compiler/ir/verify_decisions.h"

// Decision tables: their columns, cells and values; what their hit policy promises.

namespace catalyst::check {

using diagnostics::Kind;
using ir::HitPolicy;
using types::TypeKind;
using types::TypeTable;

namespace {

/// Findings of one kind that are shown of one table; who has mended them sees the rest.
constexpr size_t kMaxFindings = 5;

HitPolicy policy_of(std::string_view text) {
  return text == "unique"    ? HitPolicy::Unique
         : text == "any"     ? HitPolicy::Any
         : text == "collect" ? HitPolicy::Collect
                             : HitPolicy::First;
}

/// Holds a table to its hit policy.
class TableAnalysis {
 public:
  TableAnalysis(Pack& pack, const ast::DecisionDecl& decision, const std::vector<const ast::TableRow*>& rows,
                const std::vector<ir::Decision::Row>& names)
      : pack_(pack), decision_(decision), rows_(rows), names_(names) {}

  /// `values`: rows with equal numbers have equal values.
  void run(HitPolicy policy, const ir::Table& table, const std::vector<uint32_t>& values) {
    std::vector<Cover::Column> columns;
    for (const ir::TableColumn& from : table.columns) {
      Cover::Column& column = columns.emplace_back();
      column.type = from.type;
      column.boxes = from.rows;
      for (const ir::TableCell& cell : from.cells) {
        column.sets.push_back({&cell});
      }
    }
    std::optional<Cover> cover = Cover::make(pack_.module, columns, table.row_count);
    if (!cover) {
      if (policy == HitPolicy::Unique || policy == HitPolicy::Any || decision_.otherwise == nullptr) {
        cannot_decide("its texts are compared in too many ways");
      }
      return;
    }
    find_void(*cover);
    if (policy == HitPolicy::Unique || policy == HitPolicy::Any) {
      find_overlaps(*cover, policy, values);
    } else if (policy == HitPolicy::First) {
      find_unreachable(*cover);
    }
    if (policy != HitPolicy::Collect) {
      find_gap(*cover);
    }
  }

 private:
  std::string row_text(size_t row) const {
    return rows_[row]->label.text.empty() ? names_[row].name : "row `" + names_[row].name + "`";
  }

  std::string text_of(const Cover::Witness& witness) const {
    std::string out;
    for (size_t i = 0; i < witness.size(); ++i) {
      out += (i == 0 ? "`" : ", ") + pack_.quote(decision_.headers[i]->span) + " = " + witness[i];
    }
    return out + "`";
  }

  void cannot_decide(std::string reason) {
    auto& diagnostic = pack_.sink.report(
        Kind::CannotDecide, decision_.policy.span,
        {"whether the rows of `" + decision_.name.text + "` keep to `" + decision_.policy.text + "`",
         std::move(reason)});
    diagnostic.notes.push_back(
        {{}, "a `first` table with `otherwise` promises nothing that is to be proved"});
  }

  void find_void(const Cover& cover) {
    for (size_t row = 0; row < rows_.size(); ++row) {
      if (cover.is_void(row)) {
        pack_.sink.report(Kind::UnreachableRow, rows_[row]->span,
                          {row_text(row), "one of its cells matches nothing"});
      }
    }
  }

  void find_overlaps(Cover& cover, HitPolicy policy, const std::vector<uint32_t>& values) {
    size_t found = 0;
    for (size_t row = 0; row < rows_.size(); ++row) {
      const Bits others = cover.overlapping(row);
      for (size_t other = row + 1; other < rows_.size(); ++other) {
        if (!has_bit(others, other) || (policy == HitPolicy::Any && values[row] == values[other])) {
          continue;
        }
        auto& diagnostic = pack_.sink.report(
            policy == HitPolicy::Any ? Kind::RowsDisagree : Kind::RowsOverlap, rows_[other]->span,
            {row_text(row), row_text(other), text_of(cover.common(row, other))});
        diagnostic.notes.push_back({rows_[row]->span, row_text(row) + " is here"});
        if (++found == kMaxFindings) {
          return;
        }
        break;
      }
    }
  }

  void find_unreachable(Cover& cover) {
    Bits before = bits_for(rows_.size());
    for (size_t row = 0; row < rows_.size() && !cover.out_of_steps(); ++row) {
      if (!cover.is_void(row) && !cover.gap(before, row) && !cover.out_of_steps()) {
        const Bits others = cover.overlapping(row);
        auto& diagnostic = pack_.sink.report(Kind::UnreachableRow, rows_[row]->span,
                                             {row_text(row), "the rows before it match all of it"});
        for (size_t other = 0; other < row; ++other) {
          if (has_bit(others, other)) {
            diagnostic.notes.push_back({rows_[other]->span, row_text(other) + " matches first"});
            break;
          }
        }
      }
      set_bit(before, row);
    }
  }

  void find_gap(Cover& cover) {
    const std::optional<Cover::Witness> gap = cover.gap(bits_for(rows_.size(), true), Cover::kEverywhere);
    if (cover.out_of_steps()) {
      if (decision_.otherwise == nullptr) {
        cannot_decide("its cells can be combined in too many ways");
      }
      return;
    }
    if (!gap && decision_.otherwise != nullptr) {
      pack_.sink.report(Kind::OtherwiseUnreachable, decision_.otherwise_span, {"rows"});
    } else if (gap && decision_.otherwise == nullptr) {
      auto& diagnostic = pack_.sink.report(Kind::DecisionGap, decision_.policy.span,
                                           {"row of `" + decision_.name.text + "`", text_of(*gap)});
      diagnostic.notes.push_back({{}, "add a row for it, or `otherwise => ...` as the last one"});
    }
  }

  Pack& pack_;
  const ast::DecisionDecl& decision_;
  const std::vector<const ast::TableRow*>& rows_;
  const std::vector<ir::Decision::Row>& names_;
};

class TableChecker {
 public:
  TableChecker(Pack& pack, const ast::DecisionDecl& decision, Scope& scope, TypeId result)
      : pack_(pack),
        decision_(decision),
        scope_(scope),
        policy_(policy_of(decision.policy.text)),
        result_(result) {}

  CheckedDecision check() {
    const size_t errors = pack_.sink.error_count();
    CheckedDecision out;
    out.info.policy = policy_;
    out.info.has_otherwise = decision_.otherwise != nullptr;
    value_type_ = result_;
    if (policy_ == HitPolicy::Collect) {
      check_collect();
    }
    check_size();
    check_headers();
    order_rows();
    if (pack_.sink.error_count() == errors) {
      check_rows();
    }
    const bool known =
        std::all_of(table_.columns.begin(), table_.columns.end(),
                    [](const ir::TableColumn& column) { return column.type != TypeTable::kError; });
    if (pack_.sink.error_count() != errors || !known) {
      out.body = pack_.emitter.boolean(false, decision_.name.span);
      return out;
    }
    name_rows(out.info.rows);
    if (pack_.sink.error_count() == errors && pack_.well_formed) {
      TableAnalysis(pack_, decision_, rows_, out.info.rows).run(policy_, table_, equal_values());
    }
    emit(out);
    return out;
  }

 private:
  void check_collect() {
    if (decision_.otherwise != nullptr) {
      pack_.sink.report(Kind::OtherwiseNotHere, decision_.otherwise_span, {});
    }
    if (result_ == TypeTable::kError) {
      return;
    }
    if (pack_.types.kind(result_) == TypeKind::List) {
      value_type_ = pack_.types.get(result_).element;
      return;
    }
    value_type_ = TypeTable::kError;
    pack_.sink.report(Kind::CollectNotList, decision_.result->span, {"`" + pack_.types.text(result_) + "`"});
  }

  void check_size() {
    const auto limit = [&](size_t count, size_t most, const char* what) {
      if (count > most) {
        pack_.sink.report(Kind::TableTooLarge, decision_.policy.span,
                          {std::to_string(count), what, std::to_string(most)});
      }
    };
    limit(decision_.rows.size(), ir::kMaxTableRows, "rows");
    limit(decision_.headers.size(), abi::LookupTable::kMaxColumns, "columns");
  }

  void check_headers() {
    for (const ast::Expr* header : decision_.headers) {
      const Typed value = ExprChecker(pack_, scope_).infer(*header);
      const TypeId type = pack_.types.strip_optional(value.type);
      inputs_.push_back(value.id);
      table_.columns.push_back({value.type, {}, {}});
      if (type != TypeTable::kError && !ir::is_column(pack_.types.kind(type))) {
        auto& diagnostic =
            pack_.sink.report(Kind::HeaderType, header->span, {"`" + pack_.types.text(value.type) + "`"});
        diagnostic.notes.push_back(
            {{}, "make the test the column: a header may be any expression, such as `x in list`"});
      }
    }
  }

  /// The highest priority first, then as they stand.
  void order_rows() {
    for (const ast::TableRow& row : decision_.rows) {
      rows_.push_back(&row);
      if (row.priority != nullptr && policy_ != HitPolicy::First) {
        pack_.sink.report(Kind::PriorityNotHere, row.priority->span, {decision_.policy.text});
      }
    }
    const auto priority = [](const ast::TableRow* row) {
      // At most 18 digits can be told apart; nobody needs more.
      return row->priority == nullptr ? 0 : std::stoull(row->priority->digits.substr(0, 18));
    };
    std::stable_sort(rows_.begin(), rows_.end(), [&](const ast::TableRow* a, const ast::TableRow* b) {
      return priority(a) > priority(b);
    });
  }

  void check_rows() {
    table_.row_count = static_cast<uint32_t>(rows_.size());
    std::vector<CellReader> readers;
    readers.reserve(table_.columns.size());
    for (ir::TableColumn& column : table_.columns) {
      readers.emplace_back(pack_, column);
    }
    for (const ast::TableRow* row : rows_) {
      std::vector<std::string> present;
      for (size_t i = 0; i < row->cells.size(); ++i) {
        const bool may_be_absent = readers[i].read(row->cells[i]);
        std::string key = may_be_absent ? std::string() : path_key(*decision_.headers[i], scope_);
        if (!key.empty()) {
          present.push_back(std::move(key));
        }
      }
      // The value knows what its row's cells have tested.
      const PresentGuard guard(scope_, std::move(present));
      values_.push_back(ExprChecker(pack_, scope_).expect(*row->value, value_type_));
    }
    if (decision_.otherwise != nullptr && policy_ != HitPolicy::Collect) {
      values_.push_back(ExprChecker(pack_, scope_).expect(*decision_.otherwise, value_type_));
    }
  }

  void name_rows(std::vector<ir::Decision::Row>& out) {
    std::unordered_map<std::string_view, Span> labels;
    for (const ast::TableRow* row : rows_) {
      const ast::Name& label = row->label;
      if (label.text.empty()) {
        out.push_back({"row " + std::to_string(row - decision_.rows.data() + 1), row->span});
        continue;
      }
      const auto [first, fresh] = labels.try_emplace(label.text, label.span);
      if (!fresh) {
        auto& diagnostic = pack_.sink.report(Kind::DuplicateName, label.span, {"row", label.text});
        diagnostic.notes.push_back({first->second, "the first one is here"});
      }
      out.push_back({label.text, row->span});
    }
  }

  /// Values are equal when they are written alike once names and types are resolved.
  std::vector<uint32_t> equal_values() const {
    std::unordered_map<std::string, uint32_t> known;
    std::vector<uint32_t> out;
    for (size_t i = 0; i < rows_.size() && policy_ == HitPolicy::Any; ++i) {
      const auto id = static_cast<uint32_t>(known.size());
      out.push_back(known.try_emplace(ir::print(pack_.module, values_[i]), id).first->second);
    }
    return out;
  }

  void emit(CheckedDecision& out) {
    Emitter& emit = pack_.emitter;
    const Span span = decision_.name.span;
    const auto index = static_cast<uint32_t>(pack_.module.tables.size());
    const TypeId indexes = pack_.types.list_of(TypeTable::kInt);
    if (table_.row_count == 0) {  // `otherwise` alone, or nothing to collect
      out.info.chooser = emit.emit(Op::FirstTrue, TypeTable::kInt, span, {},
                                   static_cast<uint32_t>(pack_.module.decisions.size()));
      out.body = values_.empty() ? emit.emit(Op::MakeList, result_, span) : values_[0];
      return;
    }
    pack_.module.tables.push_back(std::move(table_));
    if (policy_ != HitPolicy::Collect) {
      out.info.chooser = emit.emit(Op::Lookup, TypeTable::kInt, span, inputs_, index);
      values_.insert(values_.begin(), out.info.chooser);
      out.body = emit.emit(Op::Switch, result_, span, values_);
      return;
    }
    out.info.chooser = emit.emit(Op::LookupAll, indexes, span, inputs_, index);
    const uint32_t variable = scope_.take_locals(2);
    values_.insert(values_.begin(), emit.emit(Op::Local, TypeTable::kInt, span, {}, variable));
    const ExprId value = emit.emit(Op::Switch, value_type_, span, values_);
    out.body = emit.emit(Op::Comprehend, result_, span, {out.info.chooser, value, emit.boolean(true, span)},
                         variable);
  }

  Pack& pack_;
  const ast::DecisionDecl& decision_;
  Scope& scope_;
  const HitPolicy policy_;
  const TypeId result_;
  TypeId value_type_;
  std::vector<const ast::TableRow*> rows_;  // as they are checked
  std::vector<ExprId> inputs_;
  std::vector<ExprId> values_;
  ir::Table table_;
};

}  // namespace

CheckedDecision check_table(Pack& pack, const ast::DecisionDecl& decision, Scope& scope, TypeId result) {
  return TableChecker(pack, decision, scope, result).check();
}

}  // namespace catalyst::check
