#include "monitoring/html_report.h"
#include "support/error.h"
namespace catamaran {
void write_html_report(const std::vector<std::filesystem::path>&, const std::filesystem::path&) {
  throw UsageError("not yet", "", "");
}
}  // namespace catamaran
