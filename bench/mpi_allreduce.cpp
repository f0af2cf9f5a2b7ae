// The peer of `catamaran bench allreduce`: plain MPI_Allreduce of fp32 in place, timed alike.
//
//   mpirun -n 2 mpi_allreduce 1048576 26214400        # sizes in bytes
//
// Prints a JSON object from size to the median of five rounds' seconds, of the slowest rank. No
// error handling: MPI ends the job by itself.
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr int kRounds = 5;
constexpr double kRoundSeconds = 0.05;

double seconds_of(std::vector<float>& data, int repeats) {
  MPI_Barrier(MPI_COMM_WORLD);
  const double start = MPI_Wtime();
  for (int i = 0; i < repeats; ++i) {
    MPI_Allreduce(MPI_IN_PLACE, data.data(), static_cast<int>(data.size()), MPI_FLOAT, MPI_SUM,
                  MPI_COMM_WORLD);
  }
  double seconds = (MPI_Wtime() - start) / repeats;
  MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return seconds;
}

double median_seconds(int64_t bytes) {
  std::vector<float> data(static_cast<size_t>(bytes) / sizeof(float));
  const double first = seconds_of(data, 1);
  const int repeats = static_cast<int>(std::clamp(kRoundSeconds / first, 1.0, 2000.0));
  seconds_of(data, std::min(repeats, 10));  // warm
  std::vector<double> rounds(kRounds);
  for (double& seconds : rounds) seconds = seconds_of(data, repeats);
  std::sort(rounds.begin(), rounds.end());
  return rounds[kRounds / 2];
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::string line;
  for (int i = 1; i < argc; ++i) {
    const double seconds = median_seconds(std::atoll(argv[i]));
    char text[64];
    std::snprintf(text, sizeof text, "%s\"%s\": %.9g", i == 1 ? "" : ", ", argv[i], seconds);
    line += text;
  }
  if (rank == 0) std::printf("{%s}\n", line.c_str());
  MPI_Finalize();
  return 0;
}
