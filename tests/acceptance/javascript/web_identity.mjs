// The AWS SDK for JavaScript, as a program in a pod uses it: AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE are all that it is told.

import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { fromTokenFile } from "@aws-sdk/credential-providers";

const credentials = fromTokenFile({ clientConfig: { endpoint: process.env.AWS_ENDPOINT_URL, region: "us-east-1" } });
const { Arn } = await new STSClient({ credentials, maxAttempts: 1 }).send(new GetCallerIdentityCommand({}));
console.log(Arn);
