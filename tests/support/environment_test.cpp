#include "support/environment.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <utility>

namespace catamaran {
namespace {

// Set for a test, and as it was after it.
class Variable {
 public:
  Variable(std::string name, const std::string& value) : name_(std::move(name)) {
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { ::unsetenv(name_.c_str()); }

 private:
  std::string name_;
};

TEST(Environment, IsRecordedByAnAllowListOfNames) {
  for (const char* name : {"NCCL_DEBUG", "OMPI_MCA_btl", "SLURM_JOB_ID", "CUDA_VISIBLE_DEVICES",
                           "UCX_TLS", "PMIX_RANK", "OMP_NUM_THREADS", "HDF5_USE_FILE_LOCKING",
                           "PYTORCH_CUDA_ALLOC_CONF", "SLURM_TMPDIR"})
    EXPECT_TRUE(is_recorded(name)) << name;
  for (const char* name : {"HOME", "USER", "PATH", "https_proxy", "AWS_SECRET_ACCESS_KEY", "NCCL",
                           "MY_SLURM_JOB_ID", "", "slurm_job_id", "LD_PRELOAD"})
    EXPECT_FALSE(is_recorded(name)) << name;
}

TEST(Environment, NeverRecordsWhatSpeaksOfASecretWhateverItsCase) {
  for (const char* name :
       {"SLURM_JWT", "SLURM_API_KEY", "NCCL_TOKEN", "UCX_SECRET", "OMPI_MCA_x_password",
        "OMPI_MCA_http_Passwd", "PMIX_COOKIE", "CUDA_CREDENTIALS", "OMPI_MCA_sec_auth_cred",
        "HDF5_S3_CERT", "OMPI_MCA_orte_hnp_uri", "OMPI_MCA_orte_precondition_transports",
        "PMIX_SERVER_URI21"})
    EXPECT_FALSE(is_recorded(name)) << name;
}

TEST(Environment, HoldsWhatIsSetAndAllowed) {
  const Variable allowed("NCCL_CATAMARAN_TEST", "ib0");
  const Variable secret("NCCL_CATAMARAN_TOKEN", "hidden");
  const Variable other("CATAMARAN_TEST", "other");
  const std::map<std::string, std::string> all = recorded_environment();
  ASSERT_TRUE(all.contains("NCCL_CATAMARAN_TEST"));
  EXPECT_EQ(all.at("NCCL_CATAMARAN_TEST"), "ib0");
  EXPECT_FALSE(all.contains("NCCL_CATAMARAN_TOKEN"));
  EXPECT_FALSE(all.contains("CATAMARAN_TEST"));
  EXPECT_EQ(recorded_variable("NCCL_CATAMARAN_TEST"), "ib0");
  EXPECT_EQ(recorded_variable("NCCL_CATAMARAN_TOKEN"), "");
  EXPECT_EQ(recorded_variable("CATAMARAN_TEST"), "");
  EXPECT_EQ(recorded_variable("NCCL_CATAMARAN_NOT_SET"), "");
}

TEST(Environment, LeavesOutAddressesWithAUsersName) {
  for (const char* value : {"http://me:word@proxy:3128", "a,https://me@host/x", "s3://k:v@b"}) {
    const Variable variable("NCCL_CATAMARAN_TEST", value);
    EXPECT_EQ(recorded_variable("NCCL_CATAMARAN_TEST"), "") << value;
    EXPECT_FALSE(recorded_environment().contains("NCCL_CATAMARAN_TEST")) << value;
  }
  const Variable plain("NCCL_CATAMARAN_TEST", "tcp://10.0.0.1:99/a@b");
  EXPECT_EQ(recorded_variable("NCCL_CATAMARAN_TEST"), "tcp://10.0.0.1:99/a@b");
}

TEST(Environment, CutsLongValuesAndReplacesWhatIsNoText) {
  const Variable variable("NCCL_CATAMARAN_TEST", std::string(5000, 'x'));
  EXPECT_EQ(recorded_variable("NCCL_CATAMARAN_TEST"), std::string(4096, 'x') + "...");
  const Variable odd("UCX_CATAMARAN_TEST", "a\x1b\xff");
  EXPECT_EQ(recorded_variable("UCX_CATAMARAN_TEST"), "a??");
}

TEST(Environment, KnowsAJobAsSqueueTakesIt) {
  ::unsetenv("SLURM_ARRAY_JOB_ID");
  ::unsetenv("SLURM_ARRAY_TASK_ID");
  {
    const Variable job("SLURM_JOB_ID", "1210");
    EXPECT_EQ(slurm_job_id(), "1210");
    const Variable array("SLURM_ARRAY_JOB_ID", "1207");
    const Variable task("SLURM_ARRAY_TASK_ID", "3");
    EXPECT_EQ(slurm_job_id(), "1207_3");
  }
  EXPECT_EQ(slurm_job_id(), "");
}

}  // namespace
}  // namespace catamaran
